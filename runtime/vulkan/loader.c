/* Stands for the Vulkan loader while the backend is linked, so that none has to be installed there:
   the linker asks for names alone. On the computer that the backend runs on, that one's loader of
   the same name hands out every other function. */
void vkCmdCopyBuffer(void) {}
void vkGetDeviceProcAddr(void) {}
void vkGetInstanceProcAddr(void) {}
void vkGetPhysicalDeviceFeatures2(void) {}
