/* Throws damaged blobs at the evaluator: `fuzz_blobs CASES SEED BLOB…`. Built with the sanitizers, which see what goes wrong.
 *
 * Each case is a good blob with a few bytes, numbers or lengths changed, in memory of exactly its length. What is refused
 * must be refused for good; what is accepted must be evaluable: its vectors are run, and a window of drawn samples. A
 * seed names the same cases for ever.
 */
#include "kinelog_model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HEADER_BYTES = 56, LAYER_BYTES = 12, MAX_BLOB = 64 * 1024 };

static uint64_t state;

/* xorshift64*: small, and the same everywhere. */
static uint32_t drawn(uint32_t below) {
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return (uint32_t)((state * UINT64_C(2685821657736338717)) >> 32) % below;
}

static void put(uint8_t *at, uint32_t value, int bytes) {
    for (; bytes > 0; bytes--, value >>= 8) {
        *at++ = (uint8_t)value;
    }
}

static uint32_t strange(void) {
    static const uint32_t numbers[] = {0,          1,          2,      3,      15,         16,         49,        50,
                                       51,         255,        256,    257,    1023,       1024,       1025,      32767,
                                       32768,      65535,      65536,  49152,  0x7fffffff, 0x80000000, 0xfffffffe,
                                       0xffffffff, 0x7f800000, 0x7fc00000, 0xff800000, 0x7f7fffff, 0x00000001, 0x3f800000};
    return numbers[drawn(sizeof numbers / sizeof *numbers)];
}

/* Where structure lies, more often than among the many weights and samples. */
static size_t somewhere(size_t size, size_t bytes) {
    const size_t structured = size < 200 ? size : 200;
    const size_t within = drawn(4) ? structured : size;
    return within > bytes ? drawn((uint32_t)(within - bytes)) : 0;
}

static size_t damage(uint8_t *blob, size_t size) {
    const uint32_t kind = drawn(8);
    if (kind == 0 && size > 1) {
        return drawn((uint32_t)size);
    }
    if (kind == 1 && size + 16 < MAX_BLOB) {
        memset(blob + size, (int)drawn(256), 16);
        return size + 1 + drawn(16);
    }
    if (size < HEADER_BYTES) {
        return size;
    }
    if (kind == 2) { /* a layer in the place of another */
        const size_t from = HEADER_BYTES + (size_t)LAYER_BYTES * drawn(4), to = HEADER_BYTES + (size_t)LAYER_BYTES * drawn(4);
        if (from + LAYER_BYTES <= size && to + LAYER_BYTES <= size) {
            memmove(blob + to, blob + from, LAYER_BYTES);
        }
    } else if (kind < 5) {
        const int bytes = kind == 3 ? 2 : 4;
        put(blob + somewhere(size, (size_t)bytes), strange(), bytes);
    } else if (kind == 5) { /* another front end, number of sites, of layers: structure that nearly holds */
        static const uint8_t small[] = {10, 17, 20, 22, 24, 26, 28};
        put(blob + small[drawn(sizeof small)], drawn(20), 1);
    } else {
        blob[somewhere(size, 1)] ^= (uint8_t)(1u << drawn(8));
    }
    if (drawn(2)) {
        put(blob + 48, (uint32_t)size, 4); /* let what lies behind the total length be read, too */
    }
    return size;
}

/* 1 if the evaluator took it. */
static int evaluated(const uint8_t *blob, size_t size) {
    kinelog_model model;
    int16_t window[KINELOG_WINDOW * 3 * KINELOG_MAX_SITES];
    float logits[KINELOG_MAX_OUTPUTS], probabilities[KINELOG_MAX_OUTPUTS];
    float *scratch;
    size_t each;
    int decision;
    if (kinelog_model_open(&model, blob, size) != KINELOG_MODEL_OK) {
        if (model.fault_at > size && model.fault_at > HEADER_BYTES) {
            fprintf(stderr, "a fault at %lu of %lu bytes\n", (unsigned long)model.fault_at, (unsigned long)size);
            exit(1);
        }
        return 0;
    }
    scratch = malloc(kinelog_model_scratch_floats(&model) * sizeof *scratch);
    for (each = 0; each < sizeof window / sizeof *window; each++) {
        window[each] = (int16_t)((int)drawn(65536) - 32768);
    }
    if (!scratch) {
        exit(71);
    }
    kinelog_model_verify_vectors(&model, scratch, NULL);
    kinelog_model_evaluate(&model, window, drawn(1u << model.sites), scratch, logits, probabilities, &decision);
    if (decision < KINELOG_UNKNOWN || decision >= model.labels) {
        fprintf(stderr, "decision %d of %d labels\n", decision, model.labels);
        exit(1);
    }
    free(scratch);
    return 1;
}

static size_t read_file(const char *path, uint8_t *to) {
    FILE *file = fopen(path, "rb");
    size_t size = file ? fread(to, 1, MAX_BLOB, file) : 0;
    if (file) {
        fclose(file);
    }
    return size;
}

int main(int count, char **words) {
    static uint8_t good[MAX_BLOB], blob[MAX_BLOB];
    unsigned long cases, number, taken = 0;
    if (count < 4) {
        fprintf(stderr, "usage: fuzz_blobs CASES SEED BLOB...\n");
        return 64;
    }
    cases = strtoul(words[1], NULL, 10);
    state = strtoul(words[2], NULL, 10) * 2 + 1;
    for (number = 0; number < cases; number++) {
        uint8_t *exact;
        size_t size = read_file(words[3 + number % (unsigned long)(count - 3)], good);
        uint32_t damages = 1 + drawn(4);
        if (size == 0) {
            fprintf(stderr, "a blob cannot be read\n");
            return 66;
        }
        memcpy(blob, good, size);
        while (damages-- > 0) {
            size = damage(blob, size);
        }
        exact = malloc(size ? size : 1);
        if (!exact) {
            return 71;
        }
        memcpy(exact, blob, size);
        taken += (unsigned long)evaluated(exact, size);
        free(exact);
    }
    printf("%lu cases, %lu of them models\n", cases, taken);
    return 0;
}
