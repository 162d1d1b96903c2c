"""The devices that the system's Vulkan loader knows, software ones among them, which ggml passes
over in silence. Loads graphics drivers, which may crash: for the trial's child alone."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from llamapack_runtime.hardware.gpu_choice import DeviceKind

_LOADERS = {"win32": ("vulkan-1.dll",), "darwin": ("libvulkan.1.dylib", "libMoltenVK.dylib")}
_INSTANCE_CREATE_INFO = 1  # VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO
_MOST_DEVICES = 64
# VkPhysicalDeviceProperties, 824 bytes: four numbers, VkPhysicalDeviceType at 16, then the name.
_PROPERTIES_BYTES = 4096
_KIND_AT, _NAME_AT, _NAME_BYTES = 16, 20, 256
# enum VkPhysicalDeviceType; whatever else there is counts as "other".
_KINDS: Mapping[int, DeviceKind] = {1: "integrated", 2: "gpu", 4: "software"}


@dataclass(frozen=True, slots=True)
class PhysicalDevice:
    """`number` is its place in Vulkan's list, as GGML_VK_VISIBLE_DEVICES counts."""

    number: int
    name: str
    kind: DeviceKind


class _InstanceCreateInfo(ctypes.Structure):
    """VkInstanceCreateInfo without layers and extensions."""

    _fields_ = [
        ("type", ctypes.c_int32),
        ("next", ctypes.c_void_p),
        ("flags", ctypes.c_uint32),
        ("application", ctypes.c_void_p),
        ("layer_count", ctypes.c_uint32),
        ("layers", ctypes.c_void_p),
        ("extension_count", ctypes.c_uint32),
        ("extensions", ctypes.c_void_p),
    ]


def physical_devices() -> tuple[PhysicalDevice, ...] | None:
    """All of them; None where there is no loader or no driver."""
    loader = _loader()
    if loader is None:
        return None
    instance = ctypes.c_void_p()
    information = _InstanceCreateInfo(type=_INSTANCE_CREATE_INFO)
    if loader.vkCreateInstance(ctypes.byref(information), None, ctypes.byref(instance)) != 0:
        return None
    try:
        return tuple(_devices(loader, instance))
    finally:
        loader.vkDestroyInstance(instance, None)


def _loader() -> Any:
    for name in _LOADERS.get(sys.platform, ("libvulkan.so.1",)):
        try:
            return ctypes.CDLL(name)
        except OSError:
            continue
    return None


def _devices(loader: Any, instance: ctypes.c_void_p) -> list[PhysicalDevice]:
    count = ctypes.c_uint32(_MOST_DEVICES)
    handles = (ctypes.c_void_p * _MOST_DEVICES)()
    # VK_INCOMPLETE (5): there are more than we asked for.
    if loader.vkEnumeratePhysicalDevices(instance, ctypes.byref(count), handles) not in (0, 5):
        return []
    return [_device(loader, number, handles[number]) for number in range(count.value)]


def _device(loader: Any, number: int, handle: int | None) -> PhysicalDevice:
    properties = ctypes.create_string_buffer(_PROPERTIES_BYTES)
    loader.vkGetPhysicalDeviceProperties(ctypes.c_void_p(handle), properties)
    kind = ctypes.c_int32.from_buffer(properties, _KIND_AT).value
    name = properties.raw[_NAME_AT : _NAME_AT + _NAME_BYTES].split(b"\0")[0]
    return PhysicalDevice(number, name.decode("utf-8", "replace"), _KINDS.get(kind, "other"))
