#!/bin/sh
# Signs an app that 'llamapack build --target macos-…' made, has Apple notarize it, and puts it into a
# ZIP file for sending. Runs on a Mac, with Xcode's command line tools. Not tried yet.
#
#   sh sign.sh APP IDENTITY [PROFILE]
#
# IDENTITY is the name of a certificate in the keychain, "Developer ID Application: …", or - for a
# signature that names nobody. PROFILE is where notarytool has your account:
#
#   xcrun notarytool store-credentials PROFILE
#
# The app's one program is its launcher. What the launcher unpacks at the first start lies in the
# app's archive and is signed before that is written: on the Mac that makes the runtime image,
#
#   LLAMAPACK_CODESIGN_IDENTITY="Developer ID Application: …" llamapack runtime build -o mac.image
#
# With an image from elsewhere its programs have signatures that name nobody, which macOS starts too,
# for what a program unpacks is not marked as downloaded. The launcher needs no entitlement: it loads
# no library but the system's, and what it starts has rights of its own.
set -eu

fail() {
    echo "sign.sh: $1" >&2
    exit 1
}

# In a ZIP file, the name of what is first in it follows 30 bytes.
holds_app() {
    count=$(($(printf %s "$name/" | wc -c)))
    [ "$(tail -c +31 "$1" 2>/dev/null | head -c "$count" | LC_ALL=C tr -d '\0')" = "$name/" ]
}

[ $# -ge 2 ] || fail "name the app and the certificate: sh sign.sh APP IDENTITY [PROFILE]"
app=${1%/}
case $app in -*) app=./$app ;; esac # no option of the tools below
name=${app##*/}
zip=${app%.app}.zip
identity=$2
profile=${3-}
[ -f "$app/Contents/Info.plist" ] || fail "$app is not an app. Name the folder that llamapack build made."
case $name in . | ..) fail "$app is not the app's name. Go to the folder that holds it, and name it." ;; esac
if [ -e "$zip" ] && ! holds_app "$zip"; then
    fail "$zip exists and does not hold $name. Move it away first."
fi
[ "$(uname -s)" = Darwin ] || fail "apps are signed on a Mac, with Apple's codesign."
[ "$identity" != - ] || [ -z "$profile" ] || fail "Apple notarizes only what was signed with a certificate."

sign() {
    if [ "$identity" = - ]; then
        codesign --force --sign - --timestamp=none "$1"
    else
        codesign --force --sign "$identity" --timestamp --options runtime "$1"
    fi
}

# Marks of the Finder's, which no signature may cover.
xattr -cr "$app"
# From the inside out: the app's signature covers those of its programs.
find "$app/Contents" -type f ! -name '*.llamapack' ! -path '*/_CodeSignature/*' |
    while IFS= read -r path; do
        case $(file -b "$path") in
            Mach-O*)
                echo "Signing $path"
                sign "$path"
                ;;
        esac
    done
echo "Signing $app"
sign "$app"
codesign --verify --strict --verbose=2 "$app"

# Under the name that it will have, in a folder of its own until it is complete.
work=$(mktemp -d "${app%.app}.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
pack() {
    rm -f "$work/${zip##*/}"
    ditto -c -k --keepParent --sequesterRsrc "$app" "$work/${zip##*/}"
}
if [ -n "$profile" ]; then
    pack
    echo "Sending $zip to Apple to be notarized, and waiting"
    xcrun notarytool submit "$work/${zip##*/}" --keychain-profile "$profile" --wait
    xcrun stapler staple "$app"
    spctl --assess --type execute --verbose "$app"
fi
# Once more, with what Apple answered.
pack
mv -f "$work/${zip##*/}" "$zip"
echo "Made $zip"
