"""llama-server's arguments that this program does not have, each with what to do instead.

The names: llama-server's own --help, and those of its earlier versions that scripts still have."""

from __future__ import annotations

_ITSELF = "this program decides that by itself; leave it out"
_ALWAYS = "that cannot be switched off here; leave it out"
_REQUEST = "ask for it in a request"
_OFFLINE = "this program opens no connection: download the file, and name it with --model"
_OFFLINE_PROJECTOR = "this program opens no connection: download it, and name it with --mmproj"
_OFFLINE_DRAFT = "this program opens no connection: download it, and name it with --model-draft"
_ONE_MODEL = "this program serves one model; start another one beside it"
_MODELS = "that is taken as the model's file has it"
_GUESSES = "--spec-type ngram guesses from earlier text, and --model-draft names a draft model"
_DRAFT = "the draft model runs where the model does, within its memory; leave it out"

_REASONS: tuple[tuple[str, str], ...] = (
    ("-sm --split-mode -ts --tensor-split -mg --main-gpu", "--gpu names the one that computes"),
    ("-fit --fit -fitt --fit-target -fitc --fit-ctx --rpc", _ITSELF),
    ("-kvo --kv-offload -nkvo --no-kv-offload --op-offload --no-op-offload --no-host", _ITSELF),
    ("-ot --override-tensor -cmoe --cpu-moe -ncmoe --n-cpu-moe -ncffn --n-cpu-ffn", _ITSELF),
    ("--repack -nr --no-repack --swa-full -dt --defrag-thold --numa --prio --poll", _ITSELF),
    ("--prio-batch --poll-batch --perf --no-perf -bs --backend-sampling --threads-http", _ITSELF),
    (
        "--cache-reuse -ctxcp --ctx-checkpoints --swa-checkpoints -cms --checkpoint-min-step",
        _ITSELF,
    ),
    (
        "-sps --slot-prompt-similarity --sse-ping-interval --kv-unified-per-slot --reuse-port",
        _ITSELF,
    ),
    ("-C --cpu-mask -Cr --cpu-range --cpu-strict", "--threads says how many to use"),
    ("-Cb --cpu-mask-batch -Crb --cpu-range-batch", "--threads-batch says how many to use"),
    ("--mlock", "--no-mmap reads the model into memory"),
    ("-lm --load-mode -lzm --lazy-mode --mmap", "models are mapped, unless --no-mmap is given"),
    ("--no-warmup -no-kvu --no-kv-unified -nocb --no-cont-batching --no-jinja", _ALWAYS),
    ("--no-prefill-assistant --no-cache-prompt --no-metrics --no-offline", _ALWAYS),
    ("--no-slots", "/slots is always there, behind the key like all else; leave it out"),
    ("--no-ui --no-webui", "the page is always served; --no-browser opens no browser"),
    ("--no-context-shift", "so it is unless --context-shift is given; leave it out"),
    ("--cache-idle-slots --no-cache-idle-slots", "--cache-ram 0 keeps none"),
    ("--props", "what /props shows is set at the start, by the arguments"),
    ("--slot-save-path", "conversations are kept in memory by themselves; see --cache-ram"),
    ("--ignore-eos", f'{_REQUEST}: "ignore_eos": true'),
    ("--keep", f'{_REQUEST}: "n_keep"'),
    ("-sp --special", f'{_REQUEST}: "skip_special_tokens": false'),
    ("--grammar --grammar-file", f'{_REQUEST}: "grammar"'),
    ("-j --json-schema -jf --json-schema-file", f'{_REQUEST}: "response_format"'),
    ("--reasoning-format", f'{_REQUEST}: "reasoning_format"'),
    ("--dry-sequence-breaker", f'{_REQUEST}: "dry_sequence_breakers"'),
    ("--sampler-seq --sampling-seq", "--samplers takes their names"),
    ("--min-keep", f'{_REQUEST}: "min_keep"'),
    ("--cors-origins", "it is --cors-origin here"),
    ("--rerank --reranking", "models that rank do so without being asked; else --pooling rank"),
    ("-lv --verbosity --log-verbosity --log-verbose", "it is --verbose here"),
    ("--log-disable", "--log-file writes the log to a file instead"),
    ("--usage", "it is --help here"),
    ("--ssl-key-file --ssl-cert-file", "put a server in front of it that has the certificate"),
    ("--path --api-prefix --media-path", "this program serves its own page at its own address"),
    (
        "-hf -hfr -hff -hft --hf-repo --hf-file --hf-token -mu --model-url -dr --docker-repo",
        _OFFLINE,
    ),
    ("-cl --cache-list", _OFFLINE),
    ("-mmu --mmproj-url", _OFFLINE_PROJECTOR),
    ("--mmproj-auto --no-mmproj --no-mmproj-auto", "images are read where --mmproj is given"),
    ("--control-vector --control-vector-scaled", "control vectors are not supported"),
    ("--models-dir --models-preset --models-max --models-autoload", _ONE_MODEL),
    ("--override-kv --spm-infill --check-tensors", _MODELS),
    ("-lcs --lookup-cache-static -lcd --lookup-cache-dynamic --draft-p-split", _GUESSES),
    ("-cd --ctx-size-draft -ctkd --cache-type-k-draft -ctvd --cache-type-v-draft", _DRAFT),
    ("-ngld --gpu-layers-draft --n-gpu-layers-draft -devd --device-draft", _DRAFT),
    ("-td --threads-draft -tbd --threads-batch-draft", _DRAFT),
    ("-hfd -hfrd --hf-repo-draft", _OFFLINE_DRAFT),
    ("--tools --ui-mcp-proxy --webui-mcp-proxy -ag --agent", "tools are the client's to run"),
    ("--reasoning-budget-message", "the end of reasoning is always the model's own mark"),
    ("--sleep-idle-seconds", "the model stays loaded; mapped pages are given up by the system"),
)
_BEGINNINGS = (
    ("--rope-", _MODELS),
    ("--yarn-", _MODELS),
    ("--spec-", _GUESSES),
    ("--mmproj-", _ITSELF),
    ("--image-", "the projector says how many tokens an image has; leave it out"),
    ("--video-", "text and images are what this program reads"),
    ("--log-", "--log-file and --verbose are what there is for the log"),
    ("--hf-", _OFFLINE),
)
FOREIGN = {form: reason for forms, reason in _REASONS for form in forms.split()}


def instead_of(form: str) -> str | None:
    """What to do instead of giving `form`, as a part of a sentence; None for one that
    llama-server does not have either."""
    found = FOREIGN.get(form)
    if found is None:
        found = next((reason for begin, reason in _BEGINNINGS if form.startswith(begin)), None)
    return found
