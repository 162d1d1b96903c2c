"""Lets a thread work only with what other threads leave of the processors."""

from __future__ import annotations

import sys

if sys.platform == "win32":

    def yield_to_others() -> None:
        """This thread from now on."""
        import ctypes  # only for this call

        below_normal = -1  # THREAD_PRIORITY_BELOW_NORMAL
        kernel = ctypes.windll.kernel32
        kernel.GetCurrentThread.restype = ctypes.c_void_p
        kernel.SetThreadPriority.argtypes = [ctypes.c_void_p, ctypes.c_int]
        kernel.SetThreadPriority(kernel.GetCurrentThread(), below_normal)

elif sys.platform == "darwin":

    def yield_to_others() -> None:
        """This thread from now on."""
        import ctypes  # only for this call

        utility = 0x11  # QOS_CLASS_UTILITY
        ctypes.CDLL("/usr/lib/libSystem.B.dylib").pthread_set_qos_class_self_np(utility, 0)

else:
    import contextlib
    import os
    import threading

    # A third of what a thread without a nice value gets beside it.
    _NICE = 5

    def yield_to_others() -> None:
        """This thread from now on, and those that it starts: on Linux each thread has its own nice
        value."""
        # Refused or unknown: it competes as an equal then.
        with contextlib.suppress(OSError):
            thread = threading.get_native_id()
            nice = os.getpriority(os.PRIO_PROCESS, thread) + _NICE
            os.setpriority(os.PRIO_PROCESS, thread, nice)  # the system takes 19 for more
