/* systemd over the bus, for left4me's units only: jobs on units, unit states as they change, unit files,
 * transient store units. Everything is asynchronous except what is named _sync, which is for start-up. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-bus.h>

typedef struct Systemd Systemd;

typedef enum UnitActive {
        UNIT_INACTIVE,
        UNIT_ACTIVATING,
        UNIT_ACTIVE,
        UNIT_RELOADING,
        UNIT_DEACTIVATING,
        UNIT_FAILED,
        _UNIT_ACTIVE_MAX,
        _UNIT_ACTIVE_INVALID = -EINVAL,
} UnitActive;

typedef struct UnitState {
        UnitActive active;
        const char *sub;       /* systemd's SubState */
        uint64_t active_enter; /* usec, CLOCK_REALTIME */
} UnitState;

/* What went wrong in a service unit: systemd's Result, the main process's end, what it said of itself. */
typedef struct UnitFailure {
        const char *result;
        int32_t exec_code; /* si_code of the main process: CLD_EXITED ... */
        int32_t exec_status;
        uint32_t restarts;
        const char *status_text;
} UnitFailure;

typedef struct SystemdEvents {
        /* A unit named left4me-* changed. */
        void (*unit_changed)(const char *unit, const UnitState *state, void *userdata);
        /* Unit files changed: enablement may have. */
        void (*unit_files_changed)(void *userdata);
} SystemdEvents;

/* Subscribes. Waits for the answer. */
int systemd_new(sd_bus *bus, const SystemdEvents *events, void *userdata, Systemd **ret);
Systemd *systemd_free(Systemd *s); /* takes NULL, returns NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Systemd, systemd_free)

/* Calls unit_changed for every left4me-* unit that systemd has loaded. */
int systemd_list_units_sync(Systemd *s, GError **error);

/* The end of something that was started: error is NULL for success and owned by the caller of the function.
 */
typedef void (*SystemdDone)(const GError *error, void *userdata);

typedef struct SystemdRequest SystemdRequest;
/* Takes NULL, returns NULL: done is not called any more. What systemd was asked for goes on. */
SystemdRequest *systemd_request_forget(SystemdRequest *r);

typedef enum UnitVerb {
        UNIT_START,
        UNIT_STOP,
        UNIT_RESTART,
        _UNIT_VERB_MAX,
} UnitVerb;

/* Done when systemd's job has ended; L4_ERROR_START_FAILED when that was not with "done". */
SystemdRequest *systemd_unit(Systemd *s, UnitVerb verb, const char *unit, SystemdDone done, void *userdata);
/* Forgets failures and start counts of both units, then is done; a unit that is not loaded is no error. */
SystemdRequest *systemd_reset_failed(Systemd *s, const char *unit, SystemdDone done, void *userdata);
SystemdRequest *systemd_enable(Systemd *s, const char *unit, bool enable, SystemdDone done, void *userdata);
SystemdRequest *systemd_reload(Systemd *s, SystemdDone done, void *userdata);

/* What is known of a failed unit; error set when systemd could not say. */
typedef void (*SystemdFailureFunc)(const UnitFailure *failure, void *userdata);
SystemdRequest *systemd_get_failure(Systemd *s, const char *unit, SystemdFailureFunc func, void *userdata);

/* A store run. The descriptors stay the caller's. bind_source: a directory shown to it at
 * /run/left4me-import, or NULL. Done once the program runs; its end shows in unit_changed. */
typedef struct StoreUnit {
        const char *unit;         /* left4me-store-ID.service */
        const char *description;  /* of one line, shown by systemctl */
        const char *request_path; /* becomes the credential "request" */
        const char *bind_source;
        int input_fd; /* or -EBADF: /dev/null */
        int output_fd;
} StoreUnit;
SystemdRequest *systemd_start_store(Systemd *s, const StoreUnit *unit, SystemdDone done, void *userdata);

/* Whether a unit is enabled at boot, from the link that says so. */
bool systemd_is_enabled(const char *unit);
/* The same for all units at once: a set of names, for the caller to unref. */
int systemd_list_enabled(GHashTable **ret);
/* Makes the last systemd_enable() survive a power cut. */
int systemd_enablement_sync(void);
