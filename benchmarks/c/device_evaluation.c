/* How long a model takes on this processor, beside a naive net: `device_evaluation BLOB WINDOWS ROUNDS`.
 *
 * The naive net is 150-128-64-9, a plain dot product after the other in float, as anyone writes it. Both take turns; one
 * line a round: nanoseconds of processor time a window, of the model and of the naive net.
 */
#define _POSIX_C_SOURCE 199309L
#include "kinelog_model.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { INPUTS = 150, FIRST = 128, SECOND = 64, CLASSES = 9, REPEATS = 100, MAX_WINDOWS = 64 };

static float first[FIRST * (INPUTS + 1)], second[SECOND * (FIRST + 1)], third[CLASSES * (SECOND + 1)];

static void draw(float *weights, size_t count, double scale) {
    size_t each;
    for (each = 0; each < count; each++) {
        weights[each] = (float)(scale * ((double)rand() / RAND_MAX - 0.5));
    }
}

static void dense(const float *weights, const float *inputs, int count, int outputs, int relu, float *results) {
    int output, input;
    for (output = 0; output < outputs; output++) {
        float sum = weights[output * (count + 1)];
        for (input = 0; input < count; input++) {
            sum += weights[output * (count + 1) + 1 + input] * inputs[input];
        }
        results[output] = relu && sum < 0.0f ? 0.0f : sum;
    }
}

static float naive(const int16_t *window) {
    float inputs[INPUTS], one[FIRST], two[SECOND], classes[CLASSES];
    float most, sum = 0.0f;
    int each;
    for (each = 0; each < INPUTS; each++) {
        inputs[each] = (float)window[each];
    }
    dense(first, inputs, INPUTS, FIRST, 1, one);
    dense(second, one, FIRST, SECOND, 1, two);
    dense(third, two, SECOND, CLASSES, 0, classes);
    most = classes[0];
    for (each = 1; each < CLASSES; each++) {
        most = classes[each] > most ? classes[each] : most;
    }
    for (each = 0; each < CLASSES; each++) {
        classes[each] = expf(classes[each] - most);
        sum += classes[each];
    }
    return classes[0] / sum;
}

static double nanoseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return 1e9 * (double)now.tv_sec + (double)now.tv_nsec;
}

static size_t read_file(const char *path, uint8_t *to, size_t room) {
    FILE *file = fopen(path, "rb");
    size_t size = file ? fread(to, 1, room, file) : 0;
    if (file) {
        fclose(file);
    }
    return size;
}

int main(int count, char **words) {
    static uint8_t blob[64 * 1024];
    static int16_t windows[MAX_WINDOWS][KINELOG_WINDOW * 3 * KINELOG_MAX_SITES];
    static uint8_t bytes[sizeof windows];
    kinelog_model model;
    float logits[KINELOG_MAX_OUTPUTS], probabilities[KINELOG_MAX_OUTPUTS];
    float *scratch;
    float sink = 0.0f;
    size_t samples, many, each, sample;
    int round, repeat;

    if (count != 4 || kinelog_model_open(&model, blob, read_file(words[1], blob, sizeof blob)) != KINELOG_MODEL_OK) {
        fprintf(stderr, "usage: device_evaluation BLOB WINDOWS ROUNDS, with a BLOB that is one\n");
        return 64;
    }
    samples = (size_t)KINELOG_WINDOW * 3 * model.sites;
    many = read_file(words[2], bytes, sizeof bytes) / (2 * samples);
    many = many > MAX_WINDOWS ? MAX_WINDOWS : many;
    scratch = malloc(kinelog_model_scratch_floats(&model) * sizeof *scratch);
    if (many == 0 || !scratch) {
        fprintf(stderr, "no windows, or no memory\n");
        return 65;
    }
    for (each = 0; each < many; each++) {
        for (sample = 0; sample < samples; sample++) {
            const uint8_t *at = bytes + 2 * (each * samples + sample);
            const uint16_t bits = (uint16_t)((uint32_t)at[0] | (uint32_t)at[1] << 8);
            memcpy(&windows[each][sample], &bits, sizeof bits);
        }
    }
    srand(1);
    draw(first, sizeof first / sizeof *first, 1e-3);
    draw(second, sizeof second / sizeof *second, 0.3);
    draw(third, sizeof third / sizeof *third, 0.3);
    for (round = 0; round < atoi(words[3]); round++) {
        double start = nanoseconds(), ours, theirs;
        for (repeat = 0; repeat < REPEATS; repeat++) {
            int decision;
            kinelog_model_evaluate(&model, windows[(size_t)repeat % many], ((uint32_t)1 << model.sites) - 1, scratch,
                                   logits, probabilities, &decision);
            sink += probabilities[0];
        }
        ours = nanoseconds() - start;
        start = nanoseconds();
        for (repeat = 0; repeat < REPEATS; repeat++) {
            sink += naive(windows[(size_t)repeat % many]);
        }
        theirs = nanoseconds() - start;
        printf("%.1f %.1f\n", ours / REPEATS, theirs / REPEATS);
    }
    fprintf(stderr, "%g\n", (double)sink); /* so that nothing measured can be left out */
    free(scratch);
    return 0;
}
