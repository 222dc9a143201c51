/* The domain's root: everything left4me knows, loaded at start, and how changes to it are told to others. The
 * other files of this folder each own one kind of object; all of them write to the database first and change
 * what is in memory only when that worked. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "host/database.h"
#include "host/store-run.h"
#include "host/systemd.h"
#include "plan/settings.h"

typedef struct Blueprint Blueprint;
typedef struct Installation Installation;
typedef struct Job Job;
typedef struct Jobs Jobs;
typedef struct Manager Manager;
typedef struct Overlay Overlay;
typedef struct Server Server;

typedef enum ObjectKind {
        OBJECT_MANAGER,
        OBJECT_SERVER,
        OBJECT_BLUEPRINT,
        OBJECT_OVERLAY,
        OBJECT_INSTALLATION,
        OBJECT_JOB,
        _OBJECT_KIND_MAX,
} ObjectKind;

/* Called after a change is in the database and in memory. name: of a server, blueprint or overlay, the id of
 * a job, else "". */
typedef struct ManagerObserver {
        void (*added)(ObjectKind kind, const char *name, void *userdata);
        void (*removed)(ObjectKind kind, const char *name, void *userdata);
        /* properties: names as on the bus, ended by NULL. */
        void (*changed)(ObjectKind kind, const char *name, const char *const *properties, void *userdata);
        void (*job_new)(Job *job, void *userdata);
        void (*job_ended)(Job *job, void *userdata);
} ManagerObserver;

struct Manager {
        Settings settings;
        Database *database;
        Systemd *systemd;
        StoreLane *store;
        sd_event *event;
        GHashTable *servers, *blueprints, *overlays; /* name -> object, owned */
        Installation *installation;
        Jobs *jobs;
        const ManagerObserver *observer;
        void *observer_data;
};

/* Without a bus and a database: for --introspect. manager_load() makes it whole. */
Manager *manager_new(sd_event *event);
Manager *manager_free(Manager *m); /* takes NULL, returns NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Manager, manager_free)

/* Opens the database, loads all objects, compares them with what systemd runs, repairs what an earlier life
 * left half done, and takes open jobs up again or closes them. */
bool manager_load(Manager *m, sd_bus *bus, const char *settings_path, GError **error);
void manager_observe(Manager *m, const ManagerObserver *observer, void *userdata);

/* Tells the observer. */
void manager_added(Manager *m, ObjectKind kind, const char *name);
void manager_removed(Manager *m, ObjectKind kind, const char *name);
void manager_changed(Manager *m, ObjectKind kind, const char *name, ...) G_GNUC_NULL_TERMINATED;
void manager_changed_strv(Manager *m, ObjectKind kind, const char *name, const char *const *properties);

/* Look-ups with their errors. */
Server *manager_server(Manager *m, const char *name, GError **error);
Blueprint *manager_blueprint(Manager *m, const char *name, GError **error);
Overlay *manager_overlay(Manager *m, const char *name, GError **error);

/* Microseconds since the epoch. */
uint64_t now_realtime(void);
