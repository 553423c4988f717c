/* Kinelog's models on a device: reading a blob, checking it, and evaluating it. C99, and C++ through `extern "C"`.
 *
 * Nothing here allocates, keeps state between calls or needs more than libm. A model points into the blob's bytes, which
 * must outlive it and stay as they are; after that any number of threads may evaluate one model, each with its own
 * scratch. The order that a device keeps: the signature of the manifest, the blob's hash (both with the platform's own
 * cryptography), then `kinelog_model_open` and `kinelog_model_verify_vectors`, and only then `kinelog_model_evaluate`.
 *
 * Build without -ffast-math, and with -ffp-contract=off: features and resampled samples are then the same bits as where
 * the model was fitted. Summing in extended precision (the x87) is not supported.
 */
#ifndef KINELOG_MODEL_H
#define KINELOG_MODEL_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define KINELOG_WINDOW 50            /* samples of a window: one second at 50 Hz */
#define KINELOG_FEATURES_PER_SITE 82 /* numbers of the front end `features/1` */
#define KINELOG_MAX_SITES 16
#define KINELOG_MAX_LAYERS 8
#define KINELOG_MAX_OUTPUTS 256
#define KINELOG_UNKNOWN (-1)         /* the decision of a model that is not sure enough */

typedef enum kinelog_model_error {
    KINELOG_MODEL_OK = 0,
    KINELOG_MODEL_HEADER,         /* fewer bytes than a header */
    KINELOG_MODEL_MAGIC,
    KINELOG_MODEL_SCHEMA,
    KINELOG_MODEL_FRONT_END,
    KINELOG_MODEL_LAYOUT,
    KINELOG_MODEL_WINDOW,
    KINELOG_MODEL_RATE,
    KINELOG_MODEL_UNIT,
    KINELOG_MODEL_SITES,
    KINELOG_MODEL_FEATURES,
    KINELOG_MODEL_FLAGS,
    KINELOG_MODEL_LAYERS,
    KINELOG_MODEL_OUTPUTS,
    KINELOG_MODEL_LABELS,
    KINELOG_MODEL_VECTORS,
    KINELOG_MODEL_RESERVED,
    KINELOG_MODEL_TEMPERATURE,
    KINELOG_MODEL_ABSTAIN_BELOW,
    KINELOG_MODEL_WEIGHTS_BYTES,
    KINELOG_MODEL_VECTORS_BYTES,
    KINELOG_MODEL_TOTAL_BYTES,
    KINELOG_MODEL_LAYER_KIND,
    KINELOG_MODEL_LAYER_ACTIVATION,
    KINELOG_MODEL_LAYER_OUTPUTS,
    KINELOG_MODEL_LAYER_KERNEL,
    KINELOG_MODEL_LAYER_STRIDE,
    KINELOG_MODEL_LAYER_INPUTS,
    KINELOG_MODEL_GROUP_OF_OUTPUT,
    KINELOG_MODEL_GROUP,
    KINELOG_MODEL_WEIGHT,
    KINELOG_MODEL_VECTOR_PRESENT,
    KINELOG_MODEL_VECTOR_DECISION,
    KINELOG_MODEL_VECTOR_LOGITS,
    KINELOG_MODEL_VECTOR_PROBABILITIES,
    KINELOG_MODEL_PRESENT,        /* asked with sites that the model has not, or was not fitted without */
    KINELOG_MODEL_OVERFLOW,       /* a sum of the network ran over */
    KINELOG_RESAMPLE_TIMES,       /* times that are not finite, or do not rise */
    KINELOG_RESAMPLE_SAMPLES,     /* samples that are not finite */
    KINELOG_RESAMPLE_SPAN,        /* no rows, a start outside the recording, a rate or a length that no one needs */
    KINELOG_RESAMPLE_ROOM         /* the caller's array is too short */
} kinelog_model_error;

/* One layer, as the blob's table has it. */
typedef struct kinelog_layer {
    uint8_t convolution;
    uint8_t activation;
    uint32_t outputs;
    uint32_t kernel;
    uint32_t stride;
    uint32_t inputs;              /* of a convolution: channels */
    uint32_t rows;                /* behind a convolution: positions of its filters */
    size_t weights;               /* first byte in the blob */
} kinelog_layer;

/* A blob that was found good. Read what you like; only `kinelog_model_open` writes. */
typedef struct kinelog_model {
    const uint8_t *blob;
    uint8_t front_end;            /* 0 raw, 1 features, 2 both */
    uint8_t masked;               /* may be asked with some sites absent */
    uint16_t sites;
    uint16_t layers;
    uint16_t outputs;             /* of the network */
    uint16_t labels;
    uint16_t vectors;
    float temperature;
    float abstain_below;
    uint32_t inputs;              /* of the first dense layer */
    uint32_t widest;              /* floats of the largest layer's values */
    size_t group;
    size_t first_vector;
    size_t vector_bytes;
    size_t fault_at;              /* after a refusal: the byte at fault */
    kinelog_layer layer[KINELOG_MAX_LAYERS];
} kinelog_model;

/* Whether `size` bytes are a model, in structure: every length, shape, weight and vector. Never reads beyond them. */
kinelog_model_error kinelog_model_check(const uint8_t *data, size_t size);

/* The same, and fills `model` for evaluation. On an error `model->fault_at` is the byte at fault. */
kinelog_model_error kinelog_model_open(kinelog_model *model, const uint8_t *data, size_t size);

/* Floats of scratch that an evaluation of this model needs. */
size_t kinelog_model_scratch_floats(const kinelog_model *model);

/* Evaluate one window.
 *
 * window         50 rows of x, y, z of each site in turn; int16 milli-g, gravity included
 * present        bit i: site i delivers; (1 << sites) - 1 unless the model is masked
 * scratch        kinelog_model_scratch_floats() floats that nobody else uses meanwhile
 * logits         model->outputs floats, written
 * probabilities  model->labels floats, written
 * decision       a label's number, or KINELOG_UNKNOWN
 */
kinelog_model_error kinelog_model_evaluate(const kinelog_model *model, const int16_t *window, uint32_t present,
                                           float *scratch, float *logits, float *probabilities, int *decision);

/* Evaluate the blob's own test vectors; `failed` (may be NULL) is the number of the first that comes out otherwise. */
kinelog_model_error kinelog_model_verify_vectors(const kinelog_model *model, float *scratch, size_t *failed);

/* The front end `features/1` of one site: `window` points to its x of row 0, rows lie `columns` apart. */
void kinelog_features(const int16_t *window, size_t columns, float features[KINELOG_FEATURES_PER_SITE]);

/* How many rows `kinelog_resample` writes for such times; an error code as there. */
kinelog_model_error kinelog_resampled_rows(const double *times_ms, size_t rows, double start_ms, double to_hz,
                                           size_t *resampled);

/* Resample by timestamps, linearly.
 *
 * samples    rows x columns, milli-g
 * times_ms   of each row, strictly rising
 * start_ms   time of the first row written; times_ms[0], or later to bring several sites to one grid
 * max_gap_ms rows written between two samples further apart than this are marked as not measured
 * output     room x columns, written: rounded half to even, saturated
 * measured   room, written (may be NULL): 1, or 0 within a gap
 * resampled  rows written
 */
kinelog_model_error kinelog_resample(const double *samples, const double *times_ms, size_t rows, size_t columns,
                                     double start_ms, double to_hz, double max_gap_ms, int16_t *output,
                                     uint8_t *measured, size_t room, size_t *resampled);

/* What an error means, in a few words that begin with the field at fault. Never NULL. */
const char *kinelog_model_error_text(kinelog_model_error error);

#ifdef __cplusplus
}
#endif

#endif
