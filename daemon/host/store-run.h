/* One run of left4me-store: its request and output files, its unit, its progress, its end.
 * docs/architecture.md, "Store runs", is the wire format. Touches /run/left4me/jobs and systemd. */
#pragma once

#include <glib.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "host/systemd.h"

/* Starts runs, one at a time in the order they came: a prune must not see refs that others are about to make.
 */
typedef struct StoreLane StoreLane;
typedef struct StoreRun StoreRun;

StoreLane *store_lane_new(Systemd *systemd, sd_event *event);
StoreLane *store_lane_free(StoreLane *lane); /* takes NULL, returns NULL; runs go on without us */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(StoreLane, store_lane_free)
/* To be told of every change of a unit left4me-store-*. */
void store_lane_unit_changed(StoreLane *lane, const char *unit, const UnitState *state);

typedef struct StoreRunEvents {
        /* The run's turn has come: the request is made now, when nothing else changes the store. NULL: error
         * set. */
        json_t *(*request)(void *userdata, GError **error);
        void (*progress)(uint64_t done, uint64_t total, void *userdata);
        /* Once, last: result (borrowed) or error. The run is freed after it returned. */
        void (*end)(json_t *result, const GError *error, void *userdata);
} StoreRunEvents;

/* id: of the job. Takes the descriptor (or -EBADF). bind_source: see StoreUnit. */
StoreRun *store_run_new(StoreLane *lane, uint32_t id, const char *description, const char *bind_source,
                        int input_fd, const StoreRunEvents *events, void *userdata);
/* What an earlier manager, in this boot, left of a job's run. */
typedef enum StoreRunTrace {
        STORE_RUN_NEVER,
        STORE_RUN_ALIVE,
        STORE_RUN_ENDED,
} StoreRunTrace;
StoreRunTrace store_lane_trace(StoreLane *lane, uint32_t id);
/* Picks it up: its end comes when its unit ends, or at once. Not for STORE_RUN_NEVER. */
StoreRun *store_run_resume(StoreLane *lane, uint32_t id, const StoreRunEvents *events, void *userdata);
/* Ends with L4_ERROR_CANCELLED, unless it succeeds before it can be stopped. */
void store_run_cancel(StoreRun *run);
/* Takes NULL, returns NULL; end is not called any more. */
StoreRun *store_run_forget(StoreRun *run);
