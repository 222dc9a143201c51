/* Log lines of the manager: to the journal, or to standard error on a terminal. Level and target can change
 * at run time (org.freedesktop.LogControl1). Library code does not log above debug; the top that gives up
 * logs once. */
#pragma once

#include <glib.h>
#include <syslog.h>

typedef enum LogTarget {
        LOG_TARGET_JOURNAL,
        LOG_TARGET_CONSOLE,
        _LOG_TARGET_MAX,
} LogTarget;

/* Chooses the journal when standard error is connected to it. */
void log_init(const char *identifier);

int log_level(void);
/* LOG_EMERG to LOG_DEBUG; anything else is ignored. */
void log_set_level(int level);
LogTarget log_target(void);
void log_set_target(LogTarget target);
const char *log_identifier(void);

void log_write(int level, const char *format, ...) G_GNUC_PRINTF(2, 3);

#define log_debug(...) log_write(LOG_DEBUG, __VA_ARGS__)
#define log_info(...) log_write(LOG_INFO, __VA_ARGS__)
#define log_warning(...) log_write(LOG_WARNING, __VA_ARGS__)
#define log_error(...) log_write(LOG_ERR, __VA_ARGS__)
