/* SIGTERM and SIGINT end a run early, by a GCancellable that every long step looks at. */
#pragma once

#include <gio/gio.h>
#include <stdbool.h>

/* Blocks both signals and starts the thread that waits for them. To be called before any other thread exists.
 */
GCancellable *cancel_new(void);
/* flock(2) cannot be woken by a GCancellable: as long as a run waits for its lock it has done nothing, and
 * the signal ends it at once. */
void cancel_ends_at_once(bool yes);
/* Waits until fd is ready for events (POLLIN, POLLOUT). 0, or negative errno; -ECANCELED after a signal,
 * -ETIMEDOUT when whoever is at the other end does nothing for two minutes. */
int cancel_poll(int fd, short events);
