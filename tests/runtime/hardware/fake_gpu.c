/* A graphics processor that misbehaves, as a ggml backend: its memory is the computer's, it takes
 * every operation, and what it does then is ACT, one of CRASH, HANG, WRONG. Before that, FULL has no
 * memory for anything and NARROW none for anything large; both compute as WRONG does.
 * CRASH_AT_ONCE does not wait to be asked. */
#include "ggml-backend-impl.h"

#include <stdlib.h>
#include <string.h>
#ifdef _WIN32
#include <windows.h>
#define pause() Sleep(INFINITE)
#else
#include <unistd.h>
#endif

#define CRASH 1
#define HANG 2
#define WRONG 3
#define CRASH_AT_ONCE 4
#define FULL 5
#define NARROW 6

static const char *name_of_backend(ggml_backend_t backend) { (void)backend; return "Vulkan"; }
static void free_backend(ggml_backend_t backend) { free(backend); }

static enum ggml_status compute(ggml_backend_t backend, struct ggml_cgraph *graph) {
    (void)backend;
    if (ACT == CRASH) {
        abort();
    }
    while (ACT == HANG) {
        pause();
    }
    for (int i = 0; i < ggml_graph_n_nodes(graph); i++) {
        struct ggml_tensor *node = ggml_graph_node(graph, i);
        if (node->view_src == NULL) {
            memset(node->data, 0x3c, ggml_nbytes(node)); /* small numbers, all the same */
        }
    }
    return GGML_STATUS_SUCCESS;
}

static ggml_guid_t guid(void) {
    static ggml_guid bytes = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
    return &bytes;
}

static const char *device_name(ggml_backend_dev_t device) { (void)device; return "Vulkan0"; }
static const char *device_title(ggml_backend_dev_t device) { (void)device; return "Hostile 9000"; }
static enum ggml_backend_dev_type device_type(ggml_backend_dev_t device) {
    (void)device;
    return GGML_BACKEND_DEVICE_TYPE_GPU;
}

static void device_memory(ggml_backend_dev_t device, size_t *free_bytes, size_t *total_bytes) {
    (void)device;
    *free_bytes = *total_bytes = (size_t)8 << 30;
}

static void device_facts(ggml_backend_dev_t device, struct ggml_backend_dev_props *facts) {
    memset(facts, 0, sizeof *facts);
    facts->name = device_name(device);
    facts->description = device_title(device);
    facts->type = device_type(device);
    device_memory(device, &facts->memory_free, &facts->memory_total);
}

static ggml_backend_t open_backend(ggml_backend_dev_t device, const char *parameters) {
    (void)parameters;
    ggml_backend_t backend = calloc(1, sizeof *backend);
    backend->guid = guid();
    backend->iface.get_name = name_of_backend;
    backend->iface.free = free_backend;
    backend->iface.graph_compute = compute;
    backend->device = device;
    return backend;
}

static const char *name_of_memory(ggml_backend_buffer_type_t kind) { (void)kind; return "Little"; }
static size_t alignment(ggml_backend_buffer_type_t kind) { (void)kind; return 32; }
static bool is_host(ggml_backend_buffer_type_t kind) { (void)kind; return true; }
static ggml_backend_buffer_t give(ggml_backend_buffer_type_t kind, size_t size) {
    (void)kind;
    bool refuses = ACT == FULL || size > (size_t)170 << 20;
    return refuses ? NULL : ggml_backend_buft_alloc_buffer(ggml_backend_cpu_buffer_type(), size);
}

static ggml_backend_buffer_type_t buffers(ggml_backend_dev_t device) {
    static struct ggml_backend_buffer_type little = {
        .iface = {
            .get_name = name_of_memory,
            .alloc_buffer = give,
            .get_alignment = alignment,
            .is_host = is_host,
        },
    };
    little.device = device;
    return ACT == FULL || ACT == NARROW ? &little : ggml_backend_cpu_buffer_type();
}

static bool takes_operation(ggml_backend_dev_t device, const struct ggml_tensor *operation) {
    (void)device, (void)operation;
    return true;
}

static bool takes_buffer(ggml_backend_dev_t device, ggml_backend_buffer_type_t kind) {
    return kind == buffers(device) || ggml_backend_buft_is_host(kind);
}

static struct ggml_backend_device the_device = {
    .iface = {
        .get_name = device_name,
        .get_description = device_title,
        .get_memory = device_memory,
        .get_type = device_type,
        .get_props = device_facts,
        .init_backend = open_backend,
        .get_buffer_type = buffers,
        .supports_op = takes_operation,
        .supports_buft = takes_buffer,
    },
};

static const char *library_name(ggml_backend_reg_t library) { (void)library; return "Vulkan"; }
static size_t n_devices(ggml_backend_reg_t library) { (void)library; return 1; }
static ggml_backend_dev_t one_device(ggml_backend_reg_t library, size_t index) {
    (void)index;
    the_device.reg = library;
    return &the_device;
}

GGML_BACKEND_API ggml_backend_reg_t ggml_backend_init(void);
ggml_backend_reg_t ggml_backend_init(void) {
    static struct ggml_backend_reg library = {
        .api_version = GGML_BACKEND_API_VERSION,
        .iface = {
            .get_name = library_name,
            .get_device_count = n_devices,
            .get_device = one_device,
        },
    };
    if (ACT == CRASH_AT_ONCE) {
        abort();
    }
    return &library;
}
