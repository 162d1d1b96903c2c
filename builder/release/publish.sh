#!/bin/sh
# publish.sh TAG: make TAG's release on GitHub, of what `make release-wheels` left in dist/release,
# once every sum fits. GH_TOKEN must be allowed to do that.
set -eu
cd dist/release
(cd wheels && sha256sum --check --strict ../SHA256SUMS)
gh release create "$1" --verify-tag --title "llamapack ${1#v}" --notes-file notes.md \
    wheels/*.whl SHA256SUMS
