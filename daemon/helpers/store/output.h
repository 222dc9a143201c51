/* What a run says: JSON lines on standard output for the manager, STATUS= for `systemctl status`. Each line
 * is one write(2), so a reader of a killed run sees whole lines only; after a last line nothing more is
 * written. */
#pragma once

#include <glib.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

void output_status(const char *format, ...) G_GNUC_PRINTF(1, 2);
/* Bytes; total is 0 where unknown. At most one line in 100 ms. */
void output_progress(uint64_t done, uint64_t total);
/* The last line of a run that worked; takes members. false if it could not be written. */
bool output_result(json_t *members);
/* The last line of one that did not. Errors that carry no name of ours are StoreFailed, or Cancelled. */
void output_error(const GError *error);
