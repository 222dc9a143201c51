/* What a command prints: JSON, tables and records of the same values, and complaints. Everything that a
 * terminal gets to see is escaped here (escape.h). Touches standard output and standard error. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum JsonMode {
        JSON_OFF,
        JSON_SHORT,  /* one line */
        JSON_PRETTY, /* indented */
} JsonMode;

typedef struct Output {
        JsonMode json;
        bool legend;      /* column titles */
        bool colour;      /* see output_colour() */
        bool local_users; /* uids of the other side are those of this host: print names */
} Output;

typedef enum FieldKind {
        FIELD_TEXT,
        FIELD_NUMBER, /* 0 is printed */
        FIELD_COUNT,  /* 0 is printed as "-" */
        FIELD_YES_NO,
        FIELD_DRIFT, /* yes stands out */
        FIELD_STATE,
        FIELD_LIST,
        FIELD_TIME, /* microseconds since the epoch */
        FIELD_SIZE, /* bytes */
        FIELD_MODE, /* of a file */
        FIELD_FRACTION,
        FIELD_PRINCIPAL,
} FieldKind;

/* One member of a JSON object as a column of a table or a line of a record; a table of them ends with key
 * NULL. */
typedef struct Field {
        const char *key;
        const char *title;
        FieldKind kind;
} Field;

/* Whether standard output is a terminal that wants colour: NO_COLOR unset, TERM not "dumb". */
bool output_colour(void);

/* "1.5 GiB" (g_free). */
char *output_format_size(uint64_t bytes);

/* The value as a human reads it, escaped (g_free); "-" for an absent or empty one. */
char *output_format(const Output *output, const Field *field, const json_t *value);

/* Print an array of objects, or one object: as JSON where that was asked for, else by its fields. 0 or a
 * negative errno. */
int output_table(const Output *output, const json_t *rows, const Field *fields);
int output_record(const Output *output, const json_t *object, const Field *fields);
/* Prints as JSON whatever the mode, JSON_OFF as JSON_SHORT. */
int output_json(const Output *output, const json_t *value);

/* "left4mectl: LABEL: MESSAGE" on standard error; label may be NULL. */
void output_complain(const char *label, const char *message);
