/* A command around the evaluator, for tests and for clients that are no phone.
 *
 *   kinelog_evaluate verify BLOB                      check structure and test vectors
 *   kinelog_evaluate evaluate BLOB WINDOWS [PRESENT]  one line a window: decision; logits; probabilities
 *   kinelog_evaluate features SITES WINDOWS           one line a window
 *   kinelog_evaluate resample START HZ GAP < ROWS     lines "time_ms value value ..." in, "measured value ..." out
 *
 * WINDOWS holds int16 little-endian windows of 50 rows, one after the other. Decisions are label numbers or -1. Exit
 * codes: 0, 64 for a wrong command line, 65 for data that were refused (with the reason), 66 for a file that is not
 * there, 71 when memory or the machine fails.
 */
#include "kinelog_model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { USAGE = 64, REFUSED = 65, NO_INPUT = 66, MACHINE = 71, MAX_COLUMNS = 48, MAX_LINE = 4096 };

static int complain(int code, const char *what, const char *why) {
    fprintf(stderr, "%s: %s\n", what, why);
    return code;
}

/* The whole file in memory of exactly its size, so that reading beyond it is seen. NULL after a complaint. */
static uint8_t *whole_file(const char *path, size_t *size) {
    FILE *file = fopen(path, "rb");
    uint8_t *data = NULL;
    long length;
    if (!file) {
        complain(NO_INPUT, path, "cannot be opened");
        return NULL;
    }
    if (fseek(file, 0, SEEK_END) == 0 && (length = ftell(file)) >= 0 && fseek(file, 0, SEEK_SET) == 0) {
        data = malloc(length > 0 ? (size_t)length : 1);
        *size = (size_t)length;
        if (data && fread(data, 1, *size, file) != *size) {
            free(data);
            data = NULL;
        }
    }
    fclose(file);
    if (!data) {
        complain(NO_INPUT, path, "cannot be read");
    }
    return data;
}

static void to_window(const uint8_t *bytes, size_t samples, int16_t *window) {
    size_t each;
    for (each = 0; each < samples; each++) {
        const uint16_t bits = (uint16_t)((uint32_t)bytes[2 * each] | (uint32_t)bytes[2 * each + 1] << 8);
        memcpy(&window[each], &bits, sizeof bits);
    }
}

static void print_floats(const float *values, size_t count) {
    size_t each;
    for (each = 0; each < count; each++) {
        printf(" %.9g", (double)values[each]);
    }
}

static int open_blob(const char *path, uint8_t **blob, kinelog_model *model) {
    size_t size = 0;
    kinelog_model_error error;
    *blob = whole_file(path, &size);
    if (!*blob) {
        return NO_INPUT;
    }
    error = kinelog_model_open(model, *blob, size);
    if (error != KINELOG_MODEL_OK) {
        fprintf(stderr, "%s: at byte %lu: %s\n", path, (unsigned long)model->fault_at, kinelog_model_error_text(error));
        return REFUSED;
    }
    return 0;
}

static int verify_with(const char *path, const kinelog_model *model, float *scratch) {
    size_t failed = 0;
    const kinelog_model_error error = kinelog_model_verify_vectors(model, scratch, &failed);
    if (error != KINELOG_MODEL_OK) {
        fprintf(stderr, "%s: vector %lu: %s\n", path, (unsigned long)failed, kinelog_model_error_text(error));
        return REFUSED;
    }
    return 0;
}

static int print_evaluations(const kinelog_model *model, const uint8_t *windows, size_t size, uint32_t present,
                             float *scratch) {
    const size_t samples = (size_t)KINELOG_WINDOW * 3 * model->sites;
    int16_t window[KINELOG_WINDOW * 3 * KINELOG_MAX_SITES];
    float logits[KINELOG_MAX_OUTPUTS], probabilities[KINELOG_MAX_OUTPUTS];
    size_t at;
    if (size % (2 * samples) != 0) {
        return complain(REFUSED, "windows", "not a whole number of them: each is 50 rows of int16, x y z of each site");
    }
    for (at = 0; at < size; at += 2 * samples) {
        int decision;
        kinelog_model_error error;
        to_window(windows + at, samples, window);
        error = kinelog_model_evaluate(model, window, present, scratch, logits, probabilities, &decision);
        if (error != KINELOG_MODEL_OK) {
            return complain(REFUSED, "evaluate", kinelog_model_error_text(error));
        }
        printf("%d;", decision);
        print_floats(logits, model->outputs);
        printf(";");
        print_floats(probabilities, model->labels);
        printf("\n");
    }
    return 0;
}

/* `windows_path` NULL: only the blob's own vectors. A model is never evaluated before its vectors have come out right. */
static int with_model(const char *blob_path, const char *windows_path, const char *present) {
    kinelog_model model;
    uint8_t *blob = NULL;
    uint8_t *windows = NULL;
    float *scratch = NULL;
    size_t size = 0;
    int code = open_blob(blob_path, &blob, &model);
    if (code == 0 && !(scratch = malloc(kinelog_model_scratch_floats(&model) * sizeof *scratch))) {
        code = complain(MACHINE, "scratch", "no memory");
    }
    if (code == 0) {
        code = verify_with(blob_path, &model, scratch);
    }
    if (code == 0 && !windows_path) {
        printf("ok: %u sites, %u outputs, %u labels, %u vectors\n", model.sites, model.outputs, model.labels,
               model.vectors);
    } else if (code == 0) {
        const uint32_t everywhere = ((uint32_t)1 << model.sites) - 1;
        windows = whole_file(windows_path, &size);
        code = windows ? print_evaluations(&model, windows, size,
                                           present ? (uint32_t)strtoul(present, NULL, 0) : everywhere, scratch)
                       : NO_INPUT;
    }
    free(scratch);
    free(windows);
    free(blob);
    return code;
}

static int print_features(const char *sites_text, const char *path) {
    const unsigned long sites = strtoul(sites_text, NULL, 10);
    const size_t samples = (size_t)KINELOG_WINDOW * 3 * sites;
    int16_t window[KINELOG_WINDOW * 3 * KINELOG_MAX_SITES];
    float features[KINELOG_FEATURES_PER_SITE];
    size_t size = 0, at, site;
    uint8_t *windows;
    if (sites < 1 || sites > KINELOG_MAX_SITES) {
        return complain(USAGE, "SITES", "1 to 16");
    }
    windows = whole_file(path, &size);
    if (!windows) {
        return NO_INPUT;
    }
    for (at = 0; at + 2 * samples <= size; at += 2 * samples) {
        to_window(windows + at, samples, window);
        for (site = 0; site < sites; site++) {
            kinelog_features(window + 3 * site, 3 * sites, features);
            print_floats(features, KINELOG_FEATURES_PER_SITE);
        }
        printf("\n");
    }
    free(windows);
    return size % (2 * samples) == 0 ? 0 : complain(REFUSED, path, "not a whole number of windows");
}

typedef struct recording {
    double *times_ms;
    double *samples;
    size_t rows;
    size_t columns;
} recording;

/* One line of numbers appended. 0 when it does not fit to the others, or memory is out. */
static int append(recording *into, const char *line) {
    double values[MAX_COLUMNS + 1];
    size_t count = 0;
    char *rest;
    double *grown;
    for (; count <= MAX_COLUMNS; count++, line = rest) {
        values[count] = strtod(line, &rest);
        if (rest == line) {
            break;
        }
    }
    if (count < 2 || (into->rows > 0 && count != into->columns + 1)) {
        return 0;
    }
    into->columns = count - 1;
    if ((grown = realloc(into->times_ms, (into->rows + 1) * sizeof *grown)) == NULL) {
        return 0;
    }
    into->times_ms = grown;
    if ((grown = realloc(into->samples, (into->rows + 1) * into->columns * sizeof *grown)) == NULL) {
        return 0;
    }
    into->samples = grown;
    into->times_ms[into->rows] = values[0];
    memcpy(into->samples + into->rows * into->columns, values + 1, into->columns * sizeof *grown);
    into->rows++;
    return 1;
}

static int print_resampled(const recording *from, double start_ms, double to_hz, double max_gap_ms) {
    size_t rows = 0, row, column;
    int16_t *output = NULL;
    uint8_t *measured = NULL;
    kinelog_model_error error = kinelog_resampled_rows(from->times_ms, from->rows, start_ms, to_hz, &rows);
    if (error == KINELOG_MODEL_OK) {
        output = malloc(rows * from->columns * sizeof *output);
        measured = malloc(rows);
        if (!output || !measured) {
            free(output);
            free(measured);
            return complain(MACHINE, "output", "no memory");
        }
        error = kinelog_resample(from->samples, from->times_ms, from->rows, from->columns, start_ms, to_hz, max_gap_ms,
                                 output, measured, rows, &rows);
    }
    for (row = 0; error == KINELOG_MODEL_OK && row < rows; row++) {
        printf("%d", measured[row]);
        for (column = 0; column < from->columns; column++) {
            printf(" %d", output[row * from->columns + column]);
        }
        printf("\n");
    }
    free(output);
    free(measured);
    return error == KINELOG_MODEL_OK ? 0 : complain(REFUSED, "resample", kinelog_model_error_text(error));
}

static int resample(const char *start_ms, const char *to_hz, const char *max_gap_ms) {
    recording read = {NULL, NULL, 0, 0};
    char line[MAX_LINE];
    int code = 0;
    while (code == 0 && fgets(line, sizeof line, stdin)) {
        code = append(&read, line) ? 0 : complain(REFUSED, "rows", "a line is no time and as many numbers as the others");
    }
    if (code == 0) {
        code = print_resampled(&read, strtod(start_ms, NULL), strtod(to_hz, NULL), strtod(max_gap_ms, NULL));
    }
    free(read.times_ms);
    free(read.samples);
    return code;
}

int main(int count, char **words) {
    if (count == 3 && strcmp(words[1], "verify") == 0) {
        return with_model(words[2], NULL, NULL);
    }
    if ((count == 4 || count == 5) && strcmp(words[1], "evaluate") == 0) {
        return with_model(words[2], words[3], count == 5 ? words[4] : NULL);
    }
    if (count == 4 && strcmp(words[1], "features") == 0) {
        return print_features(words[2], words[3]);
    }
    if (count == 5 && strcmp(words[1], "resample") == 0) {
        return resample(words[2], words[3], words[4]);
    }
    fprintf(stderr, "usage: kinelog_evaluate verify BLOB\n"
                    "       kinelog_evaluate evaluate BLOB WINDOWS [PRESENT]\n"
                    "       kinelog_evaluate features SITES WINDOWS\n"
                    "       kinelog_evaluate resample START_MS TO_HZ MAX_GAP_MS < ROWS\n"
                    "WINDOWS: a file of int16, little-endian, milli-g: 50 rows of x y z of each site, a window behind "
                    "the other\n"
                    "PRESENT: which sites are worn, bit 0 the first; only for a masked model\n"
                    "ROWS:    lines of a time in ms and the values of each column\n");
    return USAGE;
}
