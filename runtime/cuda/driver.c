/* Stands for the driver's library while the backend is linked, so that none has to be installed
   there: the linker asks for names alone. */
void cuDeviceGet(void) {}
void cuDeviceGetAttribute(void) {}
void cuGetErrorString(void) {}
void cuMemAddressFree(void) {}
void cuMemAddressReserve(void) {}
void cuMemCreate(void) {}
void cuMemGetAllocationGranularity(void) {}
void cuMemMap(void) {}
void cuMemRelease(void) {}
void cuMemSetAccess(void) {}
void cuMemUnmap(void) {}
