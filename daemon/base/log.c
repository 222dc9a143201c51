#include "log.h"

#include <stdio.h>
#include <stdlib.h>
#include <systemd/sd-journal.h>

static struct {
        int level;
        LogTarget target;
        const char *identifier;
} logging = {LOG_INFO, LOG_TARGET_CONSOLE, "left4me"};

void log_init(const char *identifier)
{
        logging.identifier = identifier;
        logging.target = getenv("JOURNAL_STREAM") ? LOG_TARGET_JOURNAL : LOG_TARGET_CONSOLE;
}

int log_level(void)
{
        return logging.level;
}

void log_set_level(int level)
{
        if (level >= LOG_EMERG && level <= LOG_DEBUG)
                logging.level = level;
}

LogTarget log_target(void)
{
        return logging.target;
}

void log_set_target(LogTarget target)
{
        logging.target = target;
}

const char *log_identifier(void)
{
        return logging.identifier;
}

void log_write(int level, const char *format, ...)
{
        g_autofree char *text = NULL;
        va_list ap;

        if (level > logging.level)
                return;

        va_start(ap, format);
        text = g_strdup_vprintf(format, ap);
        va_end(ap);

        if (logging.target == LOG_TARGET_JOURNAL)
                (void)sd_journal_send("MESSAGE=%s", text, "PRIORITY=%i", level, "SYSLOG_IDENTIFIER=%s",
                                      logging.identifier, NULL);
        else
                (void)fprintf(stderr, "%s: %s\n", logging.identifier, text);
}
