#include "kinelog_model.h"

#include <float.h>
#include <math.h>
#include <string.h>

#if defined(__FAST_MATH__) || (defined(FLT_EVAL_METHOD) && FLT_EVAL_METHOD == 2)
#error "kinelog_model.c needs IEEE arithmetic: no -ffast-math, no x87"
#endif
#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF /* gcc knows no such pragma: give it -ffp-contract=off */
#endif

/* The blob is made of 4-byte floats; so must this machine be. */
typedef char float_is_four_bytes[sizeof(float) == 4 ? 1 : -1];

enum {
    HEADER_BYTES = 56,
    LAYER_BYTES = 12,
    VECTOR_HEAD_BYTES = 4,
    AXES = 3,
    RATE_HZ = 50,
    MAX_WEIGHTS_BYTES = 32 * 1024,
    MAX_BLOB_BYTES = 48 * 1024,
    MAX_WIDTH = 1024,
    MIN_VECTORS = 16,
    MAX_VECTORS = 64
};

enum { FRONT_END_RAW = 0, FRONT_END_FEATURES = 1, FRONT_END_BOTH = 2 };
enum { LINEAR = 0, RELU = 1, TANH = 2, LOGISTIC = 3, SOFTMAX = 4 };

static const double LOGIT_TOLERANCE = 1e-4;
static const double PROBABILITY_TOLERANCE = 1e-5;
static const double DISTRIBUTION_SLACK = 1e-4;

/* ── reading: byte by byte, so that neither alignment nor the machine's own order matters ─────────────────────────── */

static uint16_t u16_at(const uint8_t *bytes) {
    return (uint16_t)((uint32_t)bytes[0] | (uint32_t)bytes[1] << 8);
}

static uint32_t u32_at(const uint8_t *bytes) {
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

static int16_t i16_at(const uint8_t *bytes) {
    const uint16_t bits = u16_at(bytes);
    int16_t value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static float f32_at(const uint8_t *bytes) {
    const uint32_t bits = u32_at(bytes);
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* ── structure, in the order of the bytes ───────────────────────────────────────────────────────────────────────── */

static kinelog_model_error fault(kinelog_model *model, size_t at, kinelog_model_error error) {
    model->fault_at = at;
    return error;
}

static size_t group_bytes(const kinelog_model *model) {
    return ((size_t)model->outputs * 2 + 3) / 4 * 4;
}

#define REFUSE_UNLESS(holds, at, error)                                                                               \
    do {                                                                                                              \
        if (!(holds)) {                                                                                               \
            return fault(model, (at), (error));                                                                       \
        }                                                                                                             \
    } while (0)

static kinelog_model_error read_header(kinelog_model *model, size_t size) {
    static const uint8_t magic[8] = {'K', 'L', 'M', 'O', 'D', 'E', 'L', 0};
    const uint8_t *blob = model->blob;
    uint32_t weights_bytes;
    uint32_t vectors_bytes;
    uint32_t total;

    REFUSE_UNLESS(size >= HEADER_BYTES, size, KINELOG_MODEL_HEADER);
    REFUSE_UNLESS(size <= MAX_BLOB_BYTES, 48, KINELOG_MODEL_TOTAL_BYTES);
    REFUSE_UNLESS(memcmp(blob, magic, sizeof magic) == 0, 0, KINELOG_MODEL_MAGIC);
    REFUSE_UNLESS(u16_at(blob + 8) == 1, 8, KINELOG_MODEL_SCHEMA);
    model->front_end = blob[10];
    REFUSE_UNLESS(model->front_end <= FRONT_END_BOTH, 10, KINELOG_MODEL_FRONT_END);
    REFUSE_UNLESS(blob[11] == 1, 11, KINELOG_MODEL_LAYOUT);
    REFUSE_UNLESS(u16_at(blob + 12) == KINELOG_WINDOW, 12, KINELOG_MODEL_WINDOW);
    REFUSE_UNLESS(u16_at(blob + 14) == RATE_HZ, 14, KINELOG_MODEL_RATE);
    REFUSE_UNLESS(blob[16] == 1, 16, KINELOG_MODEL_UNIT);
    model->sites = blob[17];
    REFUSE_UNLESS(model->sites >= 1 && model->sites <= KINELOG_MAX_SITES, 17, KINELOG_MODEL_SITES);
    REFUSE_UNLESS(u16_at(blob + 18) == (model->front_end == FRONT_END_RAW ? 0 : KINELOG_FEATURES_PER_SITE), 18,
                  KINELOG_MODEL_FEATURES);
    REFUSE_UNLESS(u16_at(blob + 20) <= 1, 20, KINELOG_MODEL_FLAGS);
    model->masked = (uint8_t)u16_at(blob + 20);
    model->layers = u16_at(blob + 22);
    REFUSE_UNLESS(model->layers >= 1 && model->layers <= KINELOG_MAX_LAYERS, 22, KINELOG_MODEL_LAYERS);
    model->outputs = u16_at(blob + 24);
    REFUSE_UNLESS(model->outputs >= 1 && model->outputs <= KINELOG_MAX_OUTPUTS, 24, KINELOG_MODEL_OUTPUTS);
    model->labels = u16_at(blob + 26);
    REFUSE_UNLESS(model->labels >= 1 && model->labels <= model->outputs, 26, KINELOG_MODEL_LABELS);
    model->vectors = u16_at(blob + 28);
    REFUSE_UNLESS(model->vectors >= MIN_VECTORS && model->vectors <= MAX_VECTORS, 28, KINELOG_MODEL_VECTORS);
    REFUSE_UNLESS(u16_at(blob + 30) == 0, 30, KINELOG_MODEL_RESERVED);
    model->temperature = f32_at(blob + 32);
    REFUSE_UNLESS(model->temperature >= 0.01f && model->temperature <= 100.0f, 32, KINELOG_MODEL_TEMPERATURE);
    model->abstain_below = f32_at(blob + 36);
    REFUSE_UNLESS(model->abstain_below >= 0.0f && model->abstain_below <= 1.0f, 36, KINELOG_MODEL_ABSTAIN_BELOW);

    weights_bytes = u32_at(blob + 40);
    REFUSE_UNLESS(weights_bytes >= 4 && weights_bytes <= MAX_WEIGHTS_BYTES, 40, KINELOG_MODEL_WEIGHTS_BYTES);
    model->vector_bytes = VECTOR_HEAD_BYTES + (size_t)2 * KINELOG_WINDOW * AXES * model->sites +
                          (size_t)4 * ((size_t)model->outputs + model->labels);
    vectors_bytes = u32_at(blob + 44);
    REFUSE_UNLESS(vectors_bytes == model->vectors * model->vector_bytes, 44, KINELOG_MODEL_VECTORS_BYTES);
    model->group = HEADER_BYTES + (size_t)LAYER_BYTES * model->layers;
    model->first_vector = model->group + group_bytes(model) + weights_bytes;
    total = u32_at(blob + 48);
    REFUSE_UNLESS(total == model->first_vector + vectors_bytes && total == size, 48, KINELOG_MODEL_TOTAL_BYTES);
    REFUSE_UNLESS(u32_at(blob + 52) == 0, 52, KINELOG_MODEL_RESERVED);
    return KINELOG_MODEL_OK;
}

static kinelog_model_error read_layer(kinelog_model *model, unsigned number) {
    const size_t at = HEADER_BYTES + (size_t)LAYER_BYTES * number;
    const uint8_t *line = model->blob + at;
    const int last = number + 1 == model->layers;
    kinelog_layer *layer = &model->layer[number];

    layer->convolution = line[0];
    layer->activation = line[1];
    layer->outputs = u16_at(line + 2);
    layer->kernel = u16_at(line + 4);
    layer->stride = u16_at(line + 6);
    layer->inputs = u32_at(line + 8);
    layer->rows = 0;
    REFUSE_UNLESS(layer->convolution <= 1 && !(layer->convolution && last), at, KINELOG_MODEL_LAYER_KIND);
    REFUSE_UNLESS(layer->activation <= SOFTMAX && (layer->activation == SOFTMAX) == last, at + 1,
                  KINELOG_MODEL_LAYER_ACTIVATION);
    REFUSE_UNLESS(layer->outputs >= 1 && layer->outputs <= MAX_WIDTH && (!last || layer->outputs == model->outputs),
                  at + 2, KINELOG_MODEL_LAYER_OUTPUTS);
    if (layer->convolution) {
        REFUSE_UNLESS(layer->kernel >= 1 && layer->kernel <= KINELOG_WINDOW, at + 4, KINELOG_MODEL_LAYER_KERNEL);
        REFUSE_UNLESS(layer->stride >= 1 && layer->stride <= KINELOG_WINDOW, at + 6, KINELOG_MODEL_LAYER_STRIDE);
    } else {
        REFUSE_UNLESS(layer->kernel == 0, at + 4, KINELOG_MODEL_LAYER_KERNEL);
        REFUSE_UNLESS(layer->stride == 0, at + 6, KINELOG_MODEL_LAYER_STRIDE);
    }
    return KINELOG_MODEL_OK;
}

/* Values that the first dense layer sees, `convolution` being the last layer before it or NULL. */
static uint32_t inputs_of_dense(const kinelog_model *model, const kinelog_layer *convolution) {
    uint32_t inputs = model->masked ? model->sites : 0;
    if (model->front_end != FRONT_END_FEATURES) {
        inputs += convolution ? convolution->outputs : (uint32_t)KINELOG_WINDOW * AXES * model->sites;
    }
    if (model->front_end != FRONT_END_RAW) {
        inputs += (uint32_t)KINELOG_FEATURES_PER_SITE * model->sites;
    }
    return inputs;
}

static kinelog_model_error connect_layer(kinelog_model *model, unsigned number) {
    const size_t at = HEADER_BYTES + (size_t)LAYER_BYTES * number;
    const kinelog_layer *before = number ? &model->layer[number - 1] : NULL;
    kinelog_layer *layer = &model->layer[number];
    uint32_t values;

    if (layer->convolution) {
        const uint32_t rows = before ? before->rows : KINELOG_WINDOW;
        REFUSE_UNLESS(model->front_end != FRONT_END_FEATURES && (!before || before->convolution), at,
                      KINELOG_MODEL_LAYER_KIND);
        REFUSE_UNLESS(layer->inputs == (before ? before->outputs : (uint32_t)AXES * model->sites), at + 8,
                      KINELOG_MODEL_LAYER_INPUTS);
        REFUSE_UNLESS(layer->kernel <= rows, at + 4, KINELOG_MODEL_LAYER_KERNEL);
        layer->rows = (rows - layer->kernel) / layer->stride + 1;
        values = layer->rows * layer->outputs;
    } else {
        const int first = !before || before->convolution;
        const uint32_t inputs = first ? inputs_of_dense(model, before) : before->outputs;
        REFUSE_UNLESS(layer->inputs == inputs, at + 8, KINELOG_MODEL_LAYER_INPUTS);
        if (first) {
            model->inputs = inputs;
        }
        values = layer->outputs;
    }
    if (values > model->widest) {
        model->widest = values;
    }
    return KINELOG_MODEL_OK;
}

static size_t row_weights(const kinelog_layer *layer) {
    return 1 + (size_t)layer->inputs * (layer->convolution ? layer->kernel : 1);
}

static kinelog_model_error read_layers(kinelog_model *model) {
    size_t at = model->group + group_bytes(model);
    uint64_t weights = 0;
    unsigned number;

    model->widest = (uint32_t)KINELOG_WINDOW * AXES * model->sites;
    for (number = 0; number < model->layers; number++) {
        kinelog_layer *layer = &model->layer[number];
        kinelog_model_error error = read_layer(model, number);
        if (error == KINELOG_MODEL_OK) {
            error = connect_layer(model, number);
        }
        if (error != KINELOG_MODEL_OK) {
            return error;
        }
        layer->weights = at;
        weights += (uint64_t)layer->outputs * row_weights(layer);
        at += (size_t)layer->outputs * row_weights(layer) * 4;
    }
    REFUSE_UNLESS(4 * weights == u32_at(model->blob + 40), 40, KINELOG_MODEL_WEIGHTS_BYTES);
    return KINELOG_MODEL_OK;
}

static kinelog_model_error read_group(kinelog_model *model) {
    const uint8_t *group = model->blob + model->group;
    uint8_t seen[KINELOG_MAX_OUTPUTS] = {0};
    unsigned each;
    size_t padding;

    for (each = 0; each < model->outputs; each++) {
        const uint16_t label = u16_at(group + 2 * each);
        REFUSE_UNLESS(label < model->labels, model->group + 2 * each, KINELOG_MODEL_GROUP_OF_OUTPUT);
        seen[label] = 1;
    }
    for (each = 0; each < model->labels; each++) {
        REFUSE_UNLESS(seen[each], model->group, KINELOG_MODEL_GROUP);
    }
    for (padding = (size_t)model->outputs * 2; padding < group_bytes(model); padding++) {
        REFUSE_UNLESS(group[padding] == 0, model->group + (size_t)model->outputs * 2, KINELOG_MODEL_GROUP);
    }
    return KINELOG_MODEL_OK;
}

static kinelog_model_error read_floats(kinelog_model *model, size_t at, size_t count, kinelog_model_error error) {
    size_t each;
    for (each = 0; each < count; each++) {
        REFUSE_UNLESS(isfinite(f32_at(model->blob + at + 4 * each)), at + 4 * each, error);
    }
    return KINELOG_MODEL_OK;
}

static int askable(const kinelog_model *model, uint32_t present) {
    const uint32_t everywhere = ((uint32_t)1 << model->sites) - 1;
    return present != 0 && present <= everywhere && (model->masked || present == everywhere);
}

static kinelog_model_error read_vector(kinelog_model *model, size_t at) {
    const uint8_t *blob = model->blob;
    const int decision = i16_at(blob + at + 2);
    const size_t logits = at + VECTOR_HEAD_BYTES + (size_t)2 * KINELOG_WINDOW * AXES * model->sites;
    const size_t probabilities = logits + (size_t)4 * model->outputs;
    kinelog_model_error error;
    double sum = 0.0;
    unsigned label;

    REFUSE_UNLESS(askable(model, u16_at(blob + at)), at, KINELOG_MODEL_VECTOR_PRESENT);
    REFUSE_UNLESS(decision >= KINELOG_UNKNOWN && decision < model->labels, at + 2, KINELOG_MODEL_VECTOR_DECISION);
    error = read_floats(model, logits, model->outputs, KINELOG_MODEL_VECTOR_LOGITS);
    if (error == KINELOG_MODEL_OK) {
        error = read_floats(model, probabilities, model->labels, KINELOG_MODEL_VECTOR_PROBABILITIES);
    }
    if (error != KINELOG_MODEL_OK) {
        return error;
    }
    for (label = 0; label < model->labels; label++) {
        const float probability = f32_at(blob + probabilities + (size_t)4 * label);
        REFUSE_UNLESS(probability >= 0.0f, probabilities, KINELOG_MODEL_VECTOR_PROBABILITIES);
        sum += (double)probability;
    }
    REFUSE_UNLESS(fabs(sum - 1.0) <= DISTRIBUTION_SLACK, probabilities, KINELOG_MODEL_VECTOR_PROBABILITIES);
    return KINELOG_MODEL_OK;
}

kinelog_model_error kinelog_model_open(kinelog_model *model, const uint8_t *data, size_t size) {
    kinelog_model_error error;
    size_t at;
    unsigned number;

    memset(model, 0, sizeof *model);
    model->blob = data;
    error = read_header(model, size);
    if (error == KINELOG_MODEL_OK) {
        error = read_layers(model);
    }
    if (error == KINELOG_MODEL_OK) {
        error = read_group(model);
    }
    if (error == KINELOG_MODEL_OK) {
        at = model->group + group_bytes(model);
        error = read_floats(model, at, (model->first_vector - at) / 4, KINELOG_MODEL_WEIGHT);
    }
    for (number = 0; error == KINELOG_MODEL_OK && number < model->vectors; number++) {
        error = read_vector(model, model->first_vector + number * model->vector_bytes);
    }
    return error;
}

kinelog_model_error kinelog_model_check(const uint8_t *data, size_t size) {
    kinelog_model model;
    return kinelog_model_open(&model, data, size);
}

/* ── the front end features/1; docs/device.md has its definition, and the order of every sum is part of it ──────── */

enum { CHANNELS = 4, SEGMENTS = 5, SEGMENT_ROWS = 10, BINS = 12, BANDS = 6, HALF = KINELOG_WINDOW / 2 };

static const double CORRELATION_FLOOR = 1000.0;
static const double DIRECTION_FLOOR = 1.0;

/* cos and sin of 2 pi j / 50 */
static const double COSINE[KINELOG_WINDOW] = {
    1.0, 0.9921147013144779, 0.9685831611286311, 0.9297764858882515, 0.8763066800438636,
    0.8090169943749475, 0.7289686274214116, 0.6374239897486897, 0.5358267949789965, 0.42577929156507266,
    0.30901699437494745, 0.18738131458572474, 0.06279051952931353, -0.0627905195293134, -0.1873813145857246,
    -0.3090169943749471, -0.4257792915650727, -0.5358267949789969, -0.6374239897486897, -0.7289686274214113,
    -0.8090169943749473, -0.8763066800438636, -0.9297764858882513, -0.968583161128631, -0.9921147013144778,
    -1.0, -0.9921147013144779, -0.9685831611286312, -0.9297764858882515, -0.8763066800438635,
    -0.8090169943749478, -0.7289686274214118, -0.6374239897486895, -0.5358267949789963, -0.42577929156507216,
    -0.30901699437494756, -0.18738131458572463, -0.06279051952931321, 0.06279051952931283, 0.18738131458572427,
    0.30901699437494723, 0.4257792915650718, 0.5358267949789968, 0.6374239897486893, 0.7289686274214112,
    0.8090169943749473, 0.8763066800438631, 0.9297764858882515, 0.968583161128631, 0.9921147013144778,
};

static const double SINE[KINELOG_WINDOW] = {
    0.0, 0.12533323356430426, 0.2486898871648548, 0.3681245526846779, 0.4817536741017153,
    0.5877852522924731, 0.6845471059286886, 0.7705132427757893, 0.8443279255020151, 0.9048270524660196,
    0.9510565162951535, 0.9822872507286886, 0.9980267284282716, 0.9980267284282716, 0.9822872507286887,
    0.9510565162951536, 0.9048270524660195, 0.844327925502015, 0.7705132427757893, 0.6845471059286888,
    0.5877852522924732, 0.4817536741017152, 0.36812455268467814, 0.24868988716485524, 0.12533323356430454,
    1.2246467991473532e-16, -0.12533323356430429, -0.24868988716485457, -0.3681245526846779, -0.4817536741017154,
    -0.5877852522924727, -0.6845471059286884, -0.7705132427757894, -0.8443279255020153, -0.9048270524660198,
    -0.9510565162951535, -0.9822872507286887, -0.9980267284282716, -0.9980267284282716, -0.9822872507286887,
    -0.9510565162951536, -0.9048270524660199, -0.844327925502015, -0.7705132427757896, -0.684547105928689,
    -0.5877852522924734, -0.4817536741017161, -0.36812455268467786, -0.24868988716485535, -0.12533323356430465,
};

typedef double rows_of_channels[KINELOG_WINDOW][CHANNELS];

/* The axes side by side, and a fourth that is nobody's: compilers order four numbers as fast as three. */
typedef int16_t rows_of_lanes[KINELOG_WINDOW][4];

static void put_in_order(int16_t *restrict one, int16_t *restrict other) {
    int lane;
    for (lane = 0; lane < 4; lane++) {
        const int16_t left = one[lane], right = other[lane];
        one[lane] = left < right ? left : right;
        other[lane] = left < right ? right : left;
    }
}

/* Batcher's merge exchange: which rows are compared never depends on what they hold, so that nothing is mispredicted.
 * `period` falls 32, 16 … 1; within it rows of the lower half of each pair of periods meet those `apart` above. */
static void sort_axes(const int16_t *window, size_t columns, rows_of_lanes sorted) {
    int row, period, widest, apart, from, start;
    for (row = 0; row < KINELOG_WINDOW; row++) {
        const int16_t *sample = window + (size_t)row * columns;
        sorted[row][0] = sample[0];
        sorted[row][1] = sample[1];
        sorted[row][2] = sample[2];
        sorted[row][3] = 0;
    }
    for (period = 32; period > 0; period /= 2) {
        apart = period;
        from = 0;
        for (widest = 32;; widest /= 2) {
            for (start = from; start + apart < KINELOG_WINDOW; start += 2 * period) {
                for (row = start; row < start + period && row + apart < KINELOG_WINDOW; row++) {
                    put_in_order(sorted[row], sorted[row + apart]);
                }
            }
            if (widest == period) {
                break;
            }
            apart = widest - period;
            from = period;
        }
    }
}

static void sum_rows(double rows[][CHANNELS], int count, double sums[CHANNELS]) {
    double x = 0.0, y = 0.0, z = 0.0, m = 0.0;
    int row;
    for (row = 0; row < count; row++) {
        x += rows[row][0];
        y += rows[row][1];
        z += rows[row][2];
        m += rows[row][3];
    }
    sums[0] = x;
    sums[1] = y;
    sums[2] = z;
    sums[3] = m;
}

static float *write_bands(rows_of_channels from_mean, const double variance[CHANNELS], float *to) {
    static const int last_bin[BANDS - 1] = {1, 2, 4, 7, BINS};
    double sums[HALF][CHANNELS];
    double differences[HALF][CHANNELS];
    double power[CHANNELS][BINS];
    int row, bin, channel;

    for (row = 1; row < HALF; row++) {
        for (channel = 0; channel < CHANNELS; channel++) {
            sums[row][channel] = from_mean[row][channel] + from_mean[KINELOG_WINDOW - row][channel];
            differences[row][channel] = from_mean[row][channel] - from_mean[KINELOG_WINDOW - row][channel];
        }
    }
    for (bin = 1; bin <= BINS; bin++) {
        double real[CHANNELS];
        double imaginary[CHANNELS] = {0.0, 0.0, 0.0, 0.0};
        int angle = 0;
        for (channel = 0; channel < CHANNELS; channel++) {
            const double middle = from_mean[HALF][channel];
            real[channel] = from_mean[0][channel] + (bin % 2 ? -middle : middle);
        }
        for (row = 1; row < HALF; row++) {
            angle += bin;
            if (angle >= KINELOG_WINDOW) {
                angle -= KINELOG_WINDOW;
            }
            for (channel = 0; channel < CHANNELS; channel++) {
                real[channel] += sums[row][channel] * COSINE[angle];
                imaginary[channel] += differences[row][channel] * SINE[angle];
            }
        }
        for (channel = 0; channel < CHANNELS; channel++) {
            power[channel][bin - 1] = (real[channel] * real[channel] + imaginary[channel] * imaginary[channel]) * 2.0 /
                                      (KINELOG_WINDOW * KINELOG_WINDOW);
        }
    }
    for (channel = 0; channel < CHANNELS; channel++) {
        double rest = variance[channel];
        int band;
        bin = 0;
        for (band = 0; band < BANDS - 1; band++) {
            double within = 0.0;
            for (; bin < last_bin[band]; bin++) {
                within += power[channel][bin];
                rest -= power[channel][bin];
            }
            *to++ = (float)sqrt(within);
        }
        *to++ = (float)sqrt(rest > 0.0 ? rest : 0.0);
    }
    return to;
}

static float *write_correlations(rows_of_channels from_mean, const double deviation[CHANNELS], float *to) {
    double xy = 0.0, xz = 0.0, yz = 0.0;
    int row;
    for (row = 0; row < KINELOG_WINDOW; row++) {
        xy += from_mean[row][0] * from_mean[row][1];
        xz += from_mean[row][0] * from_mean[row][2];
        yz += from_mean[row][1] * from_mean[row][2];
    }
    *to++ = (float)(xy / KINELOG_WINDOW / (deviation[0] * deviation[1] + CORRELATION_FLOOR));
    *to++ = (float)(xz / KINELOG_WINDOW / (deviation[0] * deviation[2] + CORRELATION_FLOOR));
    *to++ = (float)(yz / KINELOG_WINDOW / (deviation[1] * deviation[2] + CORRELATION_FLOOR));
    return to;
}

static double length_of(const double vector[CHANNELS]) {
    return sqrt(vector[0] * vector[0] + vector[1] * vector[1] + vector[2] * vector[2]);
}

static float *write_direction(const double vector[CHANNELS], float *to) {
    const double length = length_of(vector) + DIRECTION_FLOOR;
    int axis;
    for (axis = 0; axis < AXES; axis++) {
        *to++ = (float)(vector[axis] / length);
    }
    return to;
}

static float *write_axis(rows_of_lanes sorted, int axis, double mean, double deviation, float *to) {
    *to++ = (float)mean;
    *to++ = (float)deviation;
    *to++ = (float)sorted[0][axis];
    *to++ = (float)sorted[12][axis];
    *to++ = (float)(((double)sorted[24][axis] + (double)sorted[25][axis]) / 2.0);
    *to++ = (float)sorted[37][axis];
    *to++ = (float)sorted[49][axis];
    return to;
}

static void widen(const int16_t *window, size_t columns, rows_of_channels channels) {
    int row;
    for (row = 0; row < KINELOG_WINDOW; row++) {
        const int16_t *sample = window + (size_t)row * columns;
        const double x = sample[0], y = sample[1], z = sample[2];
        channels[row][0] = x;
        channels[row][1] = y;
        channels[row][2] = z;
        channels[row][3] = sqrt(x * x + y * y + z * z);
    }
}

/* Takes the means away, and leaves the variances in `variance`. */
static void centre(rows_of_channels channels, const double mean[CHANNELS], double variance[CHANNELS]) {
    double squares[CHANNELS] = {0.0, 0.0, 0.0, 0.0};
    int row, channel;
    for (row = 0; row < KINELOG_WINDOW; row++) {
        for (channel = 0; channel < CHANNELS; channel++) {
            const double distance = channels[row][channel] - mean[channel];
            channels[row][channel] = distance;
            squares[channel] += distance * distance;
        }
    }
    for (channel = 0; channel < CHANNELS; channel++) {
        variance[channel] = squares[channel] / KINELOG_WINDOW;
    }
}

void kinelog_features(const int16_t *window, size_t columns, float features[KINELOG_FEATURES_PER_SITE]) {
    rows_of_channels channels;
    rows_of_lanes sorted;
    double mean[CHANNELS], variance[CHANNELS], deviation[CHANNELS], segment[SEGMENTS][CHANNELS];
    double least, most;
    float *to = features;
    int row, channel, each;

    widen(window, columns, channels);
    sum_rows(channels, KINELOG_WINDOW, mean);
    for (each = 0; each < SEGMENTS; each++) {
        sum_rows(channels + each * SEGMENT_ROWS, SEGMENT_ROWS, segment[each]);
    }
    least = most = channels[0][3];
    for (row = 1; row < KINELOG_WINDOW; row++) {
        const double length = channels[row][3];
        least = length < least ? length : least;
        most = length > most ? length : most;
    }
    for (channel = 0; channel < CHANNELS; channel++) {
        mean[channel] /= KINELOG_WINDOW;
        for (each = 0; each < SEGMENTS; each++) {
            segment[each][channel] /= SEGMENT_ROWS;
        }
    }
    centre(channels, mean, variance);
    for (channel = 0; channel < CHANNELS; channel++) {
        deviation[channel] = sqrt(variance[channel]);
    }

    sort_axes(window, columns, sorted);
    for (channel = 0; channel < AXES; channel++) {
        to = write_axis(sorted, channel, mean[channel], deviation[channel], to);
    }
    *to++ = (float)mean[3];
    *to++ = (float)deviation[3];
    *to++ = (float)least;
    *to++ = (float)most;
    for (channel = 0; channel < CHANNELS; channel++) {
        for (each = 0; each < SEGMENTS; each++) {
            *to++ = (float)segment[each][channel];
        }
    }
    to = write_bands(channels, variance, to);
    to = write_correlations(channels, deviation, to);
    *to++ = (float)length_of(mean);
    to = write_direction(mean, to);
    to = write_direction(segment[0], to);
    write_direction(segment[SEGMENTS - 1], to);
}

/* ── the network ────────────────────────────────────────────────────────────────────────────────────────────────── */

/* Four sums side by side, in double: exact products, no rounding worth the name, and no waiting for one addition. */
static double dot(const uint8_t *weights, const float *values, size_t count) {
    double a = 0.0, b = 0.0, c = 0.0, d = 0.0;
    size_t each;
    for (each = 0; each + 4 <= count; each += 4) {
        a += (double)f32_at(weights + 4 * each) * (double)values[each];
        b += (double)f32_at(weights + 4 * each + 4) * (double)values[each + 1];
        c += (double)f32_at(weights + 4 * each + 8) * (double)values[each + 2];
        d += (double)f32_at(weights + 4 * each + 12) * (double)values[each + 3];
    }
    for (; each < count; each++) {
        a += (double)f32_at(weights + 4 * each) * (double)values[each];
    }
    return (a + b) + (c + d);
}

static float activated(float sum, unsigned activation) {
    switch (activation) {
    case RELU:
        return sum > 0.0f ? sum : 0.0f;
    case TANH:
        return (float)tanh((double)sum);
    case LOGISTIC:
        return (float)(1.0 / (1.0 + exp(-(double)sum)));
    default:
        return sum; /* softmax is taken of the logits, behind the temperature */
    }
}

/* One position of a layer: every output from `count` values. 0 if a sum runs over. */
static int apply(const kinelog_model *model, const kinelog_layer *layer, const float *values, float *outputs) {
    const size_t row = row_weights(layer);
    const uint8_t *weights = model->blob + layer->weights;
    uint32_t output;
    for (output = 0; output < layer->outputs; output++, weights += 4 * row) {
        const double sum = dot(weights + 4, values, row - 1) + (double)f32_at(weights);
        if (!(fabs(sum) <= FLT_MAX)) {
            return 0;
        }
        outputs[output] = activated((float)sum, layer->activation);
    }
    return 1;
}

static int convolve(const kinelog_model *model, const kinelog_layer *layer, const float *values, float *outputs) {
    const size_t step = (size_t)layer->stride * layer->inputs;
    uint32_t position;
    for (position = 0; position < layer->rows; position++) {
        if (!apply(model, layer, values + position * step, outputs + (size_t)position * layer->outputs)) {
            return 0;
        }
    }
    return 1;
}

static void average_over_time(const kinelog_layer *layer, const float *values, float *averages) {
    uint32_t filter, position;
    for (filter = 0; filter < layer->outputs; filter++) {
        double sum = 0.0;
        for (position = 0; position < layer->rows; position++) {
            sum += (double)values[(size_t)position * layer->outputs + filter];
        }
        averages[filter] = (float)(sum / layer->rows);
    }
}

static void widen_present(const kinelog_model *model, const int16_t *window, uint32_t present, float *values) {
    unsigned row, site, axis;
    for (row = 0; row < KINELOG_WINDOW; row++) {
        for (site = 0; site < model->sites; site++) {
            for (axis = 0; axis < AXES; axis++, window++) {
                *values++ = present >> site & 1 ? (float)*window : 0.0f;
            }
        }
    }
}

/* What the first dense layer sees. Returns the number of convolutions, or -1 if a sum runs over. */
static int gather_inputs(const kinelog_model *model, const int16_t *window, uint32_t present, float *inputs,
                         float *values, float *others) {
    const size_t columns = (size_t)AXES * model->sites;
    int convolutions = 0;
    unsigned site;

    if (model->front_end != FRONT_END_FEATURES) {
        widen_present(model, window, present, model->layer[0].convolution ? values : inputs);
        for (; model->layer[convolutions].convolution; convolutions++) {
            float *swap = values;
            if (!convolve(model, &model->layer[convolutions], values, others)) {
                return -1;
            }
            values = others;
            others = swap;
        }
        if (convolutions) {
            average_over_time(&model->layer[convolutions - 1], values, inputs);
            inputs += model->layer[convolutions - 1].outputs;
        } else {
            inputs += KINELOG_WINDOW * columns;
        }
    }
    if (model->front_end != FRONT_END_RAW) {
        for (site = 0; site < model->sites; site++, inputs += KINELOG_FEATURES_PER_SITE) {
            if (present >> site & 1) {
                kinelog_features(window + (size_t)AXES * site, columns, inputs);
            } else {
                memset(inputs, 0, KINELOG_FEATURES_PER_SITE * sizeof *inputs);
            }
        }
    }
    for (site = 0; model->masked && site < model->sites; site++) {
        *inputs++ = (float)(present >> site & 1);
    }
    return convolutions;
}

static void decide(const kinelog_model *model, const float *logits, float *probabilities, int *decision) {
    const uint8_t *group = model->blob + model->group;
    double share[KINELOG_MAX_OUTPUTS] = {0.0};
    double gathered[KINELOG_MAX_OUTPUTS] = {0.0};
    double sum = 0.0;
    float most = logits[0];
    unsigned each, best = 0;

    for (each = 1; each < model->outputs; each++) {
        most = logits[each] > most ? logits[each] : most;
    }
    for (each = 0; each < model->outputs; each++) {
        share[each] = exp(((double)logits[each] - (double)most) / (double)model->temperature);
        sum += share[each];
    }
    for (each = 0; each < model->outputs; each++) {
        gathered[u16_at(group + 2 * each)] += share[each] / sum;
    }
    for (each = 0; each < model->labels; each++) {
        probabilities[each] = (float)gathered[each];
        best = probabilities[each] > probabilities[best] ? each : best;
    }
    *decision = probabilities[best] >= model->abstain_below ? (int)best : KINELOG_UNKNOWN;
}

size_t kinelog_model_scratch_floats(const kinelog_model *model) {
    return (size_t)model->inputs + 2 * (size_t)model->widest;
}

kinelog_model_error kinelog_model_evaluate(const kinelog_model *model, const int16_t *window, uint32_t present,
                                           float *scratch, float *logits, float *probabilities, int *decision) {
    float *values = scratch;
    float *one = scratch + model->inputs;
    float *other = one + model->widest;
    int number;

    *decision = KINELOG_UNKNOWN;
    if (!askable(model, present)) {
        return KINELOG_MODEL_PRESENT;
    }
    number = gather_inputs(model, window, present, values, one, other);
    if (number < 0) {
        return KINELOG_MODEL_OVERFLOW;
    }
    for (; number < model->layers; number++) {
        float *to = number + 1 == model->layers ? logits : (values == one ? other : one);
        if (!apply(model, &model->layer[number], values, to)) {
            return KINELOG_MODEL_OVERFLOW;
        }
        values = to;
    }
    decide(model, logits, probabilities, decision);
    return KINELOG_MODEL_OK;
}

/* Whether a decision follows from probabilities that may be off by the tolerance: a tie may fall to either side. */
static int allowed(const kinelog_model *model, int decision, const float *probabilities) {
    const double slack = 2.0 * PROBABILITY_TOLERANCE;
    const double threshold = (double)model->abstain_below;
    double best = 0.0;
    unsigned label;
    for (label = 0; label < model->labels; label++) {
        best = (double)probabilities[label] > best ? (double)probabilities[label] : best;
    }
    if (decision == KINELOG_UNKNOWN) {
        return best < threshold + slack;
    }
    return (double)probabilities[decision] >= best - slack && best >= threshold - slack;
}

static int differs(const uint8_t *expected, const float *found, size_t count, double tolerance) {
    size_t each;
    for (each = 0; each < count; each++) {
        if (!(fabs((double)f32_at(expected + 4 * each) - (double)found[each]) <= tolerance)) {
            return 1;
        }
    }
    return 0;
}

static kinelog_model_error verify_vector(const kinelog_model *model, const uint8_t *vector, float *scratch) {
    const size_t samples = (size_t)KINELOG_WINDOW * AXES * model->sites;
    const uint8_t *expected = vector + VECTOR_HEAD_BYTES + 2 * samples;
    int16_t window[KINELOG_WINDOW * AXES * KINELOG_MAX_SITES];
    float logits[KINELOG_MAX_OUTPUTS], probabilities[KINELOG_MAX_OUTPUTS];
    kinelog_model_error error;
    size_t sample;
    int decision;

    for (sample = 0; sample < samples; sample++) {
        window[sample] = i16_at(vector + VECTOR_HEAD_BYTES + 2 * sample);
    }
    error = kinelog_model_evaluate(model, window, u16_at(vector), scratch, logits, probabilities, &decision);
    if (error != KINELOG_MODEL_OK) {
        return error;
    }
    if (differs(expected, logits, model->outputs, LOGIT_TOLERANCE)) {
        return KINELOG_MODEL_VECTOR_LOGITS;
    }
    if (differs(expected + (size_t)4 * model->outputs, probabilities, model->labels, PROBABILITY_TOLERANCE)) {
        return KINELOG_MODEL_VECTOR_PROBABILITIES;
    }
    return allowed(model, i16_at(vector + 2), probabilities) ? KINELOG_MODEL_OK : KINELOG_MODEL_VECTOR_DECISION;
}

kinelog_model_error kinelog_model_verify_vectors(const kinelog_model *model, float *scratch, size_t *failed) {
    size_t number;
    for (number = 0; number < model->vectors; number++) {
        const uint8_t *vector = model->blob + model->first_vector + number * model->vector_bytes;
        const kinelog_model_error error = verify_vector(model, vector, scratch);
        if (error != KINELOG_MODEL_OK) {
            if (failed) {
                *failed = number;
            }
            return error;
        }
    }
    return KINELOG_MODEL_OK;
}

/* ── resampling ─────────────────────────────────────────────────────────────────────────────────────────────────── */

static const double MAX_SPAN_MS = 86400000.0; /* a day: a wrong clock must not ask for a year of samples */
static const double MAX_RATE_HZ = 1000.0;
static const double GRID_SLACK = 1e-6;        /* of a row: a last time that float arithmetic left a little early counts */

kinelog_model_error kinelog_resampled_rows(const double *times_ms, size_t rows, double start_ms, double to_hz,
                                           size_t *resampled) {
    size_t row;
    *resampled = 0;
    for (row = 0; row < rows; row++) {
        if (!isfinite(times_ms[row]) || (row > 0 && !(times_ms[row] > times_ms[row - 1]))) {
            return KINELOG_RESAMPLE_TIMES;
        }
    }
    if (rows == 0 || !(to_hz >= 1.0 && to_hz <= MAX_RATE_HZ) || !(start_ms >= times_ms[0]) ||
        !(start_ms <= times_ms[rows - 1]) || !(times_ms[rows - 1] - times_ms[0] <= MAX_SPAN_MS)) {
        return KINELOG_RESAMPLE_SPAN;
    }
    *resampled = (size_t)floor((times_ms[rows - 1] - start_ms) * to_hz / 1000.0 + GRID_SLACK) + 1;
    return KINELOG_MODEL_OK;
}

static int16_t saturated(double value) {
    const double rounded = rint(value);
    return (int16_t)(rounded < -32768.0 ? -32768.0 : rounded > 32767.0 ? 32767.0 : rounded);
}

kinelog_model_error kinelog_resample(const double *samples, const double *times_ms, size_t rows, size_t columns,
                                     double start_ms, double to_hz, double max_gap_ms, int16_t *output,
                                     uint8_t *measured, size_t room, size_t *resampled) {
    const kinelog_model_error error = kinelog_resampled_rows(times_ms, rows, start_ms, to_hz, resampled);
    size_t left = 0;
    size_t row, column;

    if (error != KINELOG_MODEL_OK) {
        return error;
    }
    for (row = 0; row < rows * columns; row++) {
        if (!isfinite(samples[row])) {
            return KINELOG_RESAMPLE_SAMPLES;
        }
    }
    if (*resampled > room) {
        return KINELOG_RESAMPLE_ROOM;
    }
    for (row = 0; row < *resampled; row++) {
        const double grid = start_ms + (double)row * 1000.0 / to_hz;
        const double time = grid < times_ms[rows - 1] ? grid : times_ms[rows - 1];
        size_t right;
        double between;
        while (left + 1 < rows && times_ms[left + 1] <= time) {
            left++;
        }
        right = left + 1 < rows ? left + 1 : left;
        between = right == left ? 0.0 : (time - times_ms[left]) / (times_ms[right] - times_ms[left]);
        for (column = 0; column < columns; column++) {
            const double from = samples[left * columns + column];
            const double to = samples[right * columns + column];
            output[row * columns + column] = saturated(from + (to - from) * between);
        }
        if (measured) {
            measured[row] = (uint8_t)(between == 0.0 || times_ms[right] - times_ms[left] <= max_gap_ms);
        }
    }
    return KINELOG_MODEL_OK;
}

/* ── words ──────────────────────────────────────────────────────────────────────────────────────────────────────── */

const char *kinelog_model_error_text(kinelog_model_error error) {
    switch (error) {
    case KINELOG_MODEL_OK: return "ok";
    case KINELOG_MODEL_HEADER: return "header: the blob ends before its header does";
    case KINELOG_MODEL_MAGIC: return "magic: this is no model";
    case KINELOG_MODEL_SCHEMA: return "schema: a version that this evaluator does not read";
    case KINELOG_MODEL_FRONT_END: return "front_end: not raw, features/1 or both";
    case KINELOG_MODEL_LAYOUT: return "layout: windows are not row-interleaved";
    case KINELOG_MODEL_WINDOW: return "window: not 50 samples";
    case KINELOG_MODEL_RATE: return "rate_hz: not 50";
    case KINELOG_MODEL_UNIT: return "unit: not milli-g";
    case KINELOG_MODEL_SITES: return "sites: none, or more than 16";
    case KINELOG_MODEL_FEATURES: return "features_per_site: another front end";
    case KINELOG_MODEL_FLAGS: return "flags: one that this evaluator does not know";
    case KINELOG_MODEL_LAYERS: return "layers: none, or more than 8";
    case KINELOG_MODEL_OUTPUTS: return "outputs: none, or more than 256";
    case KINELOG_MODEL_LABELS: return "labels: none, or more than outputs";
    case KINELOG_MODEL_VECTORS: return "vectors: not 16 to 64";
    case KINELOG_MODEL_RESERVED: return "reserved: not zero";
    case KINELOG_MODEL_TEMPERATURE: return "temperature: not 0.01 to 100";
    case KINELOG_MODEL_ABSTAIN_BELOW: return "abstain_below: not 0 to 1";
    case KINELOG_MODEL_WEIGHTS_BYTES: return "weights_bytes: more than 32 KB, or not what the layers have";
    case KINELOG_MODEL_VECTORS_BYTES: return "vectors_bytes: not what so many vectors take";
    case KINELOG_MODEL_TOTAL_BYTES: return "total_bytes: more than 48 KB, or not what is there";
    case KINELOG_MODEL_LAYER_KIND: return "layer kind: unknown, or a convolution where none can stand";
    case KINELOG_MODEL_LAYER_ACTIVATION: return "layer activation: unknown, or softmax not in the last layer alone";
    case KINELOG_MODEL_LAYER_OUTPUTS: return "layer outputs: not 1 to 1024, or not what the header says";
    case KINELOG_MODEL_LAYER_KERNEL: return "layer kernel: longer than what it sees, or of a dense layer";
    case KINELOG_MODEL_LAYER_STRIDE: return "layer stride: not 1 to 50, or of a dense layer";
    case KINELOG_MODEL_LAYER_INPUTS: return "layer inputs: not what the layer before it puts out";
    case KINELOG_MODEL_GROUP_OF_OUTPUT: return "group of output: no such label";
    case KINELOG_MODEL_GROUP: return "group: a label without an output, or padding that is not zero";
    case KINELOG_MODEL_WEIGHT: return "layer weights: not a finite number";
    case KINELOG_MODEL_VECTOR_PRESENT: return "vector present: sites that this model cannot be asked with";
    case KINELOG_MODEL_VECTOR_DECISION: return "vector decision: no such label, or not the one computed";
    case KINELOG_MODEL_VECTOR_LOGITS: return "vector logits: not finite, or not what is computed";
    case KINELOG_MODEL_VECTOR_PROBABILITIES: return "vector probabilities: not a distribution, or not what is computed";
    case KINELOG_MODEL_PRESENT: return "present: sites that this model cannot be asked with";
    case KINELOG_MODEL_OVERFLOW: return "windows: a sum of this model runs over";
    case KINELOG_RESAMPLE_TIMES: return "times_ms: not finite, or not rising";
    case KINELOG_RESAMPLE_SAMPLES: return "samples: not finite";
    case KINELOG_RESAMPLE_SPAN: return "times_ms: none, a start outside them, more than a day, or a rate not 1 to 1000";
    case KINELOG_RESAMPLE_ROOM: return "output: too little room";
    }
    return "unknown error";
}
