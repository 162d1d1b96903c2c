"""What was decided about graphics processors. Plain data, and its sentences for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

# software: it computes on the processor, and ggml's own code for that is faster.
DeviceKind = Literal["gpu", "integrated", "software", "other"]
DEVICE_KINDS: tuple[DeviceKind, ...] = get_args(DeviceKind)
# Why it is as it is, for the page, which has words of its own for each.
GpuCode = Literal[
    "used",
    "forced",  # used because somebody said so
    "off",
    "no_library",
    "no_driver",
    "no_device",
    "unknown",  # the device that was named is not there
    "software",
    "slower",
    "crashed",
    "hung",
    "late",  # it may be slow or hang: the trial goes on, for the next start
    "wrong",
    "failed",
    "died",  # with the whole program, when it loaded the model
    "too_small",
    "no_room",
    "other_kind",  # models that do not chat are left to the processor
]
GPU_CODES: tuple[GpuCode, ...] = get_args(GpuCode)
# Software devices are known by their type; some drivers hide it.
_SOFTWARE_NAMES = ("llvmpipe", "lavapipe", "swiftshader", "basic render")
# Makers of processors with graphics inside: ggml's Metal backend calls every device a card.
_INSIDE_ON_MAC = ("apple ", "intel")


@dataclass(frozen=True, slots=True)
class GpuDevice:
    """`name` is llama.cpp's ("Vulkan0"), `library` the backend's ("vulkan"). `number`: ggml sees it
    only where GGML_VK_VISIBLE_DEVICES has that text, and then as the first. 0 bytes: unknown."""

    name: str
    description: str
    library: str
    kind: DeviceKind
    total_bytes: int = 0
    free_bytes: int = 0
    number: str = ""

    @property
    def native_name(self) -> str:
        """As ggml names it in the process that uses it."""
        return f"{self.name.rstrip('0123456789')}0" if self.number else self.name

    @property
    def title(self) -> str:
        return self.description or self.name

    @property
    def words(self) -> str:
        """Such as "NVIDIA GeForce RTX 3060 (12288 MiB, 11980 MiB free)"."""
        if self.kind == "software":
            return f"{self.description} (software device)"
        return (
            f"{self.description} ({self.total_bytes >> 20} MiB, {self.free_bytes >> 20} MiB free)"
        )

    def is_meant_by(self, words: str) -> bool:
        return words.casefold() in (self.name.casefold(), self.description.casefold())


def kind_by_name(description: str, kind: DeviceKind, library: str = "") -> DeviceKind:
    """`kind`, unless the name tells better."""
    name = description.casefold()
    if any(one in name for one in _SOFTWARE_NAMES):
        return "software"
    return "integrated" if library == "metal" and name.startswith(_INSIDE_ON_MAC) else kind


@dataclass(frozen=True, slots=True)
class GpuResult:
    """How one device fared, or a library, where none of its devices came to light. `cause` is how
    it died or the library's own words; `times` as fast as the processor, 0 where unknown."""

    title: str
    code: GpuCode
    cause: str = ""
    times: float = 0.0


@dataclass(frozen=True, slots=True)
class MemoryPlace:
    """The entry of the file in which a choice is remembered."""

    path: Path
    key: str


@dataclass(frozen=True, slots=True)
class GpuChoice:
    """`device` None: the processor computes. `result` is what decided; `others` are the devices and
    libraries besides. `is_settled` is false while a trial goes on. `place`: where it is remembered,
    if it is."""

    result: GpuResult
    device: GpuDevice | None = None
    library: Path | None = None
    others: tuple[GpuResult, ...] = ()
    from_cache: bool = False
    is_settled: bool = True
    place: MemoryPlace | None = None

    @property
    def reason(self) -> str:
        """A sentence or two for people. A software device is none that anybody asks for where there
        is another."""
        told = [one for one in self.others if one.code not in ("software", self.result.code)]
        besides = (f" Besides, {fragment(one)}." for one in told)
        return sentence(self.result) + "".join(besides)


NO_LIBRARY = GpuChoice(GpuResult("", "no_library"))
OFF = GpuChoice(GpuResult("", "off"))
OTHER_KIND = GpuChoice(GpuResult("", "other_kind"))


def sentence(result: GpuResult) -> str:
    """Such as "No graphics card is used: llvmpipe is a software device, …"."""
    if result.code == "used":
        return (
            f"The graphics card {result.title} does the computing: {result.times:.1f} times as "
            "fast as the processor in a trial."
        )
    if result.code == "forced":
        return f"{result.title} does the computing, as asked."
    return f"No graphics card is used: {fragment(result)}."


def fragment(result: GpuResult) -> str:
    """Why it is not used, as a part of a sentence."""
    title, cause = result.title, f" ({result.cause})" if result.cause else ""
    texts: Mapping[GpuCode, str] = {
        "used": f"{title} works, too",
        "forced": f"{title} was asked for",
        "off": "it is switched off in the settings",
        "no_library": "this program has no code for graphics cards",
        "no_driver": f"there is no graphics driver for {title} on this computer",
        "no_device": f"{title} finds none on this computer",
        "unknown": f"there is no device named '{title}'{cause}",
        "software": f"the only device, {title}, is a software device, slower than the processor",
        "slower": f"{title} is slower than the processor ({result.times:.1f} times as fast)",
        "crashed": f"the trial of {title} crashed{cause}",
        "hung": f"{title} did not answer in a trial",
        "late": f"the trial of {title} takes longer than a start may, and goes on for the next one",
        "wrong": f"{title} computed wrong numbers in a trial",
        "failed": f"{title} does not work{cause}",
        "died": f"the program died when it last loaded the model onto {title}; it is tried anew",
        "too_small": f"{title} has too little free memory for this model",
        "no_room": f"the model could not be loaded onto {title}{cause}",
        "other_kind": "models that do not chat are computed by the processor",
    }
    return texts[result.code]


def pick(devices: Sequence[GpuDevice]) -> tuple[GpuDevice, ...]:
    """Those worth a trial, the most promising first: cards with memory of their own, then those
    with most memory."""
    real = [device for device in devices if device.kind in ("gpu", "integrated")]
    return tuple(sorted(real, key=lambda one: (one.kind != "gpu", -one.total_bytes)))
