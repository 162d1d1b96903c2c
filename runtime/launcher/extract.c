#include "extract.h"

#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "fail.h"
#include "progress.h"

enum { INPUT_BYTES = 256 * 1024, OUTPUT_BYTES = 256 * 1024 };

struct stream {
    ZSTD_DStream *zstd;
    uint8_t *input, *output;
    size_t wanted; /* what zstd returned last: 0 at the end of a frame */
};

static void open_stream(struct stream *stream)
{
    stream->input = allocate(NULL, INPUT_BYTES);
    stream->output = allocate(NULL, OUTPUT_BYTES);
    stream->zstd = ZSTD_createDStream();
    stream->wanted = 1;
    if (!stream->zstd)
        fail_for_memory();
}

static void close_stream(struct stream *stream)
{
    ZSTD_freeDStream(stream->zstd);
    free(stream->input);
    free(stream->output);
}

/* Decompresses the `bytes` bytes in the input buffer into the tar reader. */
static enum tar_result feed(struct stream *stream, size_t bytes, struct tar *tar)
{
    ZSTD_inBuffer in = {stream->input, bytes, 0};
    ZSTD_outBuffer out = {stream->output, OUTPUT_BYTES, OUTPUT_BYTES};
    /* A full output buffer means that zstd may hold more, though all input is taken, unless a
     * frame ends just there. */
    while (in.pos < in.size || (out.pos == out.size && stream->wanted != 0)) {
        out.pos = 0;
        stream->wanted = ZSTD_decompressStream(stream->zstd, &out, &in);
        if (ZSTD_isError(stream->wanted))
            return TAR_HOSTILE;
        enum tar_result result = tar_add(tar, stream->output, out.pos);
        if (result != TAR_OK)
            return result;
    }
    return TAR_OK;
}

static enum tar_result feed_all(const struct archive *archive, const struct entry *runtime,
                                struct stream *stream, struct tar *tar)
{
    struct sha256 sum;
    uint8_t digest[SHA256_BYTES];
    sha256_start(&sum);
    for (uint64_t done = 0; done < runtime->size;) {
        uint64_t left = runtime->size - done;
        size_t part = left < INPUT_BYTES ? (size_t)left : INPUT_BYTES;
        archive_read(archive, runtime->offset + done, stream->input, part);
        sha256_add(&sum, stream->input, part);
        enum tar_result result = feed(stream, part, tar);
        if (result != TAR_OK)
            return result;
        done += part;
        progress_show(done, runtime->size);
    }
    sha256_finish(&sum, digest);
    if (stream->wanted != 0 || memcmp(digest, runtime->sha256, SHA256_BYTES) != 0)
        return TAR_HOSTILE;
    return tar_finish(tar);
}

enum tree_result extract(const struct archive *archive, const struct entry *runtime,
                         struct tar *tar)
{
    struct stream stream;
    open_stream(&stream);
    progress_start();
    enum tar_result result = feed_all(archive, runtime, &stream, tar);
    progress_end();
    close_stream(&stream);
    return result == TAR_OK ? TREE_READY : result == TAR_OS ? TREE_NO_FOLDER : TREE_ALTERED;
}
