/* Acting as the user left4me on files: see store-user.h. setfsuid() takes the capabilities over files out of
 * the effective set and puts them back (capabilities(7)), so a symlink or directory that was swapped in
 * meanwhile gains nothing. */
#include "store-user.h"

#include "base/error.h"
#include "base/layout.h"

#include <errno.h>
#include <pwd.h>
#include <sys/fsuid.h>

bool store_user_get(StoreUser *ret, GError **error)
{
        const struct passwd *entry;

        errno = 0;
        entry = getpwnam(L4_STORE_USER);
        if (!entry || entry->pw_uid == 0 || entry->pw_gid == 0) {
                l4_error_set_errno(error, L4_ERROR_MOUNT_FAILED, errno != 0 ? -errno : -ESRCH,
                                   "There is no usable user %s", L4_STORE_USER);
                return false;
        }
        *ret = (StoreUser){.uid = entry->pw_uid, .gid = entry->pw_gid};
        return true;
}

int store_user_become(const StoreUser *user)
{
        (void)setfsgid(user->gid);
        (void)setfsuid(user->uid);

        /* Neither call reports failure: only asking again (with an id that is never valid) does. */
        if ((gid_t)setfsgid((gid_t)-1) != user->gid || (uid_t)setfsuid((uid_t)-1) != user->uid) {
                store_user_leave();
                return -EPERM;
        }
        return 0;
}

void store_user_leave(void)
{
        (void)setfsuid(0);
        (void)setfsgid(0);
}
