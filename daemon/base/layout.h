/* Where everything is on disk: the only place that spells a path of the product. docs/architecture.md says
 * what each holds, whose it is and who may delete it. */
#pragma once

#define L4_STATE_DIR "/var/lib/left4me"        /* 0711 root */
#define L4_DATABASE L4_STATE_DIR "/manager.db" /* 0600 root */
#define L4_SPOOL_DIR L4_STATE_DIR "/spool"     /* 2770 left4me:left4me-operator */

/* Below L4_STATE_DIR, all of user left4me; checkouts and jobs are also readable by root's group. */
#define L4_REPO "repo"
#define L4_CHECKOUTS "checkouts"
#define L4_SERVERS "servers"
#define L4_TRASH "trash"

#define L4_RUN_DIR "/run/left4me"           /* 0711 root */
#define L4_RUN_MOUNTS L4_RUN_DIR "/servers" /* 0700 root; mount points of the composed trees */
#define L4_RUN_LAUNCH                                                                                        \
        L4_RUN_DIR "/launch"             /* 0700 root; NAME: argv of the next exec, NUL-terminated strings */
#define L4_RUN_PLANS L4_RUN_DIR "/plans" /* 0700 root; NAME: what runs, written by the manager */
#define L4_RUN_JOBS L4_RUN_DIR "/jobs"   /* 0700 root; ID.request and ID.output of store runs */
#define L4_GAME_DIR "/opt/l4d2"          /* where a server unit sees its composed tree */
#define L4_LAUNCH_FILE "/run/left4me-launch/argv" /* where a server unit sees its launch file */
#define L4_SETTINGS "/etc/left4me/manager.yaml"

#define L4_STORE_USER "left4me"
#define L4_MOUNT_SOURCE_PREFIX                                                                               \
        "left4me:" /* + instance: the source of a composed mount, its tag in mountinfo */
