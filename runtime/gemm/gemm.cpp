// A ggml backend for products of a matrix with many tokens, loaded beside a CPU variant.
//
// For some types of weights ggml's CPU kernels multiply one token after the other, and so they do
// for the cache of an attention. With many tokens it is up to three times faster to turn a tile of
// the matrix into floats once, while it lies in the processor's cache, and to leave the product to
// OpenBLAS. Stock ggml-blas does so for whole matrices: hundreds of megabytes for a large model, a
// new thread for each product, and OpenBLAS's own threads, which spin. Here a tile is small, and a
// few sleeping threads take tiles as they come, so that one on a busy processor gets fewer.
//
// The interface is ggml-backend-impl.h of the same llama.cpp. What is not taken stays with the CPU
// variant: weights that it keeps in a layout of its own are in buffers that are refused here.

#include "ggml-backend-impl.h"
#include "ggml-impl.h"
#include "workers.h"

#include <cblas.h>

#include <algorithm>
#include <cstring>
#include <exception>
#include <limits>
#include <vector>

namespace {

constexpr int64_t NEVER = std::numeric_limits<int64_t>::max();
constexpr int64_t LEAST_TOKENS = 32;  // LEAST_TOKENS of hardware/gemm.py
constexpr int64_t LEAST_WIDTH = 32;
// A tile stays in the second-level cache until it is multiplied, but has at least so many rows.
constexpr int64_t TILE_FLOATS = 512 * 1024 / sizeof(float);
constexpr int64_t LEAST_TILE_ROWS = 64;
// A cache with fewer numbers than this for a head is done before a thread has woken up.
constexpr int64_t LEAST_CACHE = 64 * 512;

struct Backend {
    llamapack::Workers workers;
    std::vector<std::vector<float>> tiles;  // one for each thread
};

// From how many tokens on a matrix of this type is multiplied faster here: tests/bench/README.md.
int64_t least_tokens(const ggml_tensor * matrix) {
    if (matrix->op != GGML_OP_NONE) {
        const bool is_large = matrix->ne[0] * matrix->ne[1] >= LEAST_CACHE;
        return matrix->type == GGML_TYPE_F16 && is_large ? LEAST_TOKENS : NEVER;
    }
    switch (matrix->type) {
        case GGML_TYPE_Q4_1:
        case GGML_TYPE_Q5_1:
            return LEAST_TOKENS;
        case GGML_TYPE_Q8_0:
            return 64;
        case GGML_TYPE_Q5_0:
        case GGML_TYPE_BF16:
        case GGML_TYPE_F32:
            return 128;
        default:
            return NEVER;
    }
}

bool is_supported(const ggml_tensor * op) {
    const ggml_tensor * a = op->src[0];
    const ggml_tensor * b = op->src[1];
    const bool is_wide = op->ne[1] >= least_tokens(a) && op->ne[0] >= LEAST_WIDTH && a->ne[0] >= LEAST_WIDTH;
    const bool has_floats = a->type == GGML_TYPE_F32 || ggml_get_type_traits(a->type)->to_float;
    const bool has_rows = a->nb[0] == ggml_type_size(a->type) && a->nb[1] >= ggml_row_size(a->type, a->ne[0]) &&
                          a->nb[1] % sizeof(float) == 0;
    const bool is_plain = b->type == GGML_TYPE_F32 && b->nb[0] == sizeof(float) &&
                          b->nb[1] >= b->ne[0] * sizeof(float) && op->type == GGML_TYPE_F32 &&
                          op->nb[0] == sizeof(float);
    // ggml-cpu has a faster way for Hadamard matrices.
    return is_wide && has_floats && has_rows && is_plain &&
           ggml_get_op_params_i32(op, 1) != GGML_HINT_SRC0_IS_HADAMARD;
}

// dst[token][row] = sum over k of a[row][k] * b[token][k], for each plane. Where the heads of an
// attention are grouped, several planes of b share one of a.
void multiply(Backend & backend, ggml_tensor * dst) {
    const ggml_tensor * a = dst->src[0];
    const ggml_tensor * b = dst->src[1];
    const int64_t width = a->ne[0];
    const int64_t rows = a->ne[1];
    const int64_t group2 = b->ne[2] / a->ne[2];
    const int64_t group3 = b->ne[3] / a->ne[3];
    const auto to_float = a->type == GGML_TYPE_F32 ? nullptr : ggml_get_type_traits(a->type)->to_float;

    const int64_t tile_rows = std::min(rows, std::max(TILE_FLOATS / width / 16 * 16, LEAST_TILE_ROWS));
    const int64_t tiles = (rows + tile_rows - 1) / tile_rows;
    backend.tiles.resize(backend.workers.count());
    for (std::vector<float> & tile : backend.tiles) {
        if (to_float && tile.size() < size_t(tile_rows * width)) {
            tile.resize(tile_rows * width);
        }
    }

    backend.workers.run(a->ne[2] * a->ne[3] * tiles, [&](int thread, int64_t item) {
        const int64_t row = item % tiles * tile_rows;
        const int64_t count = std::min(tile_rows, rows - row);
        const int64_t i2 = item / tiles % a->ne[2];
        const int64_t i3 = item / tiles / a->ne[2];
        const char * source = (const char *) a->data + i3 * a->nb[3] + i2 * a->nb[2] + row * a->nb[1];
        const float * matrix = (const float *) source;
        int64_t stride = a->nb[1] / sizeof(float);
        if (to_float) {
            float * tile = backend.tiles[thread].data();
            for (int64_t i = 0; i < count; i++) {
                to_float(source + i * a->nb[1], tile + i * width, width);
            }
            matrix = tile;
            stride = width;
        }
        for (int64_t j3 = i3 * group3; j3 < (i3 + 1) * group3; j3++) {
            for (int64_t j2 = i2 * group2; j2 < (i2 + 1) * group2; j2++) {
                const auto x = (const float *) ((const char *) b->data + j3 * b->nb[3] + j2 * b->nb[2]);
                const auto y = (float *) ((char *) dst->data + j3 * dst->nb[3] + j2 * dst->nb[2]) + row;
                scipy_cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, b->ne[1], count, width, 1.0f, x,
                                  b->nb[1] / sizeof(float), matrix, stride, 0.0f, y, dst->nb[1] / sizeof(float));
            }
        }
    });
}

}  // namespace

static const char * backend_name(ggml_backend_t) {
    return "GEMM";
}

static void backend_free(ggml_backend_t backend) {
    delete static_cast<Backend *>(backend->context);
    delete backend;
}

static ggml_status backend_compute(ggml_backend_t backend, ggml_cgraph * graph) {
    try {
        for (int i = 0; i < graph->n_nodes; i++) {
            ggml_tensor * node = graph->nodes[i];
            if ((node->flags & GGML_TENSOR_FLAG_COMPUTE) && node->op == GGML_OP_MUL_MAT) {
                multiply(*static_cast<Backend *>(backend->context), node);
            }
        }
    } catch (const std::exception & error) {  // no memory for a tile, no thread
        GGML_LOG_ERROR("GEMM: %s\n", error.what());
        return GGML_STATUS_ALLOC_FAILED;
    }
    return GGML_STATUS_SUCCESS;
}

static void set_n_threads(ggml_backend_t backend, int n_threads) {
    static_cast<Backend *>(backend->context)->workers.set_count(n_threads);
}

static ggml_guid_t guid() {
    static ggml_guid value = { 0x6c, 0x6c, 0x61, 0x6d, 0x61, 0x70, 0x61, 0x63,
                               0x6b, 0x2d, 0x67, 0x65, 0x6d, 0x6d, 0x00, 0x01 };
    return &value;
}

static const char * device_name(ggml_backend_dev_t) {
    return "GEMM";
}

static const char * device_description(ggml_backend_dev_t) {
    return "OpenBLAS";
}

static void device_memory(ggml_backend_dev_t, size_t * free, size_t * total) {
    *free = *total = 0;
}

static enum ggml_backend_dev_type device_type(ggml_backend_dev_t) {
    return GGML_BACKEND_DEVICE_TYPE_ACCEL;
}

static void device_props(ggml_backend_dev_t, ggml_backend_dev_props * props) {
    *props = {};
    props->name = "GEMM";
    props->description = "OpenBLAS";
    props->type = GGML_BACKEND_DEVICE_TYPE_ACCEL;
    props->caps.buffer_from_host_ptr = true;
    props->caps.mmap_support = true;
}

static ggml_backend_t device_init(ggml_backend_dev_t device, const char *) {
    static const ggml_backend_i functions = [] {
        ggml_backend_i table = {};
        table.get_name = backend_name;
        table.free = backend_free;
        table.graph_compute = backend_compute;
        return table;
    }();
    return new ggml_backend{ guid(), functions, device, new Backend };
}

static ggml_backend_buffer_type_t device_buffer_type(ggml_backend_dev_t) {
    return ggml_backend_cpu_buffer_type();
}

static ggml_backend_buffer_t device_buffer(ggml_backend_dev_t, void * pointer, size_t size, size_t) {
    return ggml_backend_cpu_buffer_from_ptr(pointer, size);
}

static bool device_supports_op(ggml_backend_dev_t, const ggml_tensor * op) {
    switch (op->op) {
        case GGML_OP_NONE:
        case GGML_OP_RESHAPE:
        case GGML_OP_VIEW:
        case GGML_OP_PERMUTE:
        case GGML_OP_TRANSPOSE:
            return true;
        case GGML_OP_MUL_MAT:
            return is_supported(op);
        default:
            return false;
    }
}

static bool device_supports_buffer(ggml_backend_dev_t, ggml_backend_buffer_type_t type) {
    return ggml_backend_buft_is_host(type);
}

static const char * registry_name(ggml_backend_reg_t) {
    return "GEMM";
}

static size_t registry_count(ggml_backend_reg_t) {
    return 1;
}

static ggml_backend_dev_t registry_device(ggml_backend_reg_t registry, size_t) {
    static ggml_backend_device device = [registry] {
        ggml_backend_device made = {};
        made.iface.get_name = device_name;
        made.iface.get_description = device_description;
        made.iface.get_memory = device_memory;
        made.iface.get_type = device_type;
        made.iface.get_props = device_props;
        made.iface.init_backend = device_init;
        made.iface.get_buffer_type = device_buffer_type;
        made.iface.buffer_from_host_ptr = device_buffer;
        made.iface.supports_op = device_supports_op;
        made.iface.supports_buft = device_supports_buffer;
        made.reg = registry;
        return made;
    }();
    return &device;
}

static void * registry_function(ggml_backend_reg_t, const char * name) {
    return std::strcmp(name, "ggml_backend_set_n_threads") == 0 ? (void *) set_n_threads : nullptr;
}

static ggml_backend_reg_t registry() {
    static ggml_backend_reg made = [] {
        scipy_openblas_set_num_threads(1);  // the threads are ours
        ggml_backend_reg registry = {};
        registry.api_version = GGML_BACKEND_API_VERSION;
        registry.iface.get_name = registry_name;
        registry.iface.get_device_count = registry_count;
        registry.iface.get_device = registry_device;
        registry.iface.get_proc_address = registry_function;
        return registry;
    }();
    return &made;
}

GGML_BACKEND_DL_IMPL(registry)
