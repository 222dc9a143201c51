/* One run of left4me-store: its request and output files, its unit, its progress, its end.
 * docs/architecture.md, "Store runs", is the wire format. Touches /run/left4me/jobs and systemd. */
#pragma once

#include <glib.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "host/systemd.h"

/* Starts runs, in the order they came as far as their kinds allow: a few side by side, of one principal
 * fewer, so that nobody has the store for himself. */
typedef struct StoreLane StoreLane;
typedef struct StoreRun StoreRun;

StoreLane *store_lane_new(Systemd *systemd, sd_event *event);
StoreLane *store_lane_free(StoreLane *lane); /* takes NULL, returns NULL; runs go on without us */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(StoreLane, store_lane_free)
/* To be told of every change of a unit left4me-store-*. */
void store_lane_unit_changed(StoreLane *lane, const char *unit, const UnitState *state);

typedef enum StoreRunKind {
        STORE_RUN_SHARED, /* beside others, as fast as the host can */
        STORE_RUN_PACED,  /* beside others, as fast as a client reads or writes */
        STORE_RUN_ALONE,  /* when nothing else runs; while it waits, it holds nobody up for long */
} StoreRunKind;

typedef struct StoreRunEvents {
        StoreRunKind kind;
        /* The run's turn has come: the request is made now; for STORE_RUN_ALONE nothing else changes the
         * store. NULL: error set. */
        json_t *(*request)(void *userdata, GError **error);
        void (*progress)(uint64_t done, uint64_t total, void *userdata);
        /* Once, last: result (borrowed) or error. The run is freed after it returned. */
        void (*end)(json_t *result, const GError *error, void *userdata);
} StoreRunEvents;

/* id: of the job; principal: who asked for it. Takes the descriptor (or -EBADF). bind_source: see StoreUnit.
 */
StoreRun *store_run_new(StoreLane *lane, uint32_t id, const char *principal, const char *description,
                        const char *bind_source, int input_fd, const StoreRunEvents *events, void *userdata);
/* What an earlier manager, in this boot, left of a job's run. */
typedef enum StoreRunTrace {
        STORE_RUN_NEVER,
        STORE_RUN_ALIVE,
        STORE_RUN_ENDED,
} StoreRunTrace;
StoreRunTrace store_lane_trace(StoreLane *lane, uint32_t id);
/* Picks it up: its end comes when its unit ends, or at once. Not for STORE_RUN_NEVER. */
StoreRun *store_run_resume(StoreLane *lane, uint32_t id, const char *principal, const StoreRunEvents *events,
                           void *userdata);
/* Ends with L4_ERROR_CANCELLED, unless it succeeds before it can be stopped. */
void store_run_cancel(StoreRun *run);
/* Takes NULL, returns NULL; end is not called any more. */
StoreRun *store_run_forget(StoreRun *run);
