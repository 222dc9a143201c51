#include "store-unit.h"

#include "base/layout.h"

typedef struct Property {
        const char *name;
        const char *type; /* D-Bus signature: "s", "b", "t", "i", or "as" of one item */
        const char *text; /* value of "s" and "as" */
        uint64_t number;  /* value of the others */
} Property;

static const Property properties[] = {
        {"User", "s", L4_STORE_USER, 0},
        {"Group", "s", L4_STORE_USER, 0},
        {"Type", "s", "exec", 0},
        {"CollectMode", "s", "inactive-or-failed", 0},
        {"NotifyAccess", "s", "main", 0},
        {"Slice", "s", "left4me.slice", 0},
        {"UMask", "u", NULL, 0022},
        {"RuntimeMaxUSec", "t", NULL, 6ULL * 3600 * G_USEC_PER_SEC},
        {"TimeoutStopUSec", "t", NULL, 15 * G_USEC_PER_SEC},
        {"LimitCORE", "t", NULL, 0},
        {"LimitNOFILE", "t", NULL, 16384},
        {"TasksMax", "t", NULL, 64},
        {"OOMScoreAdjust", "i", NULL, 300},
        {"CPUSchedulingPolicy", "i", NULL, 3 /* SCHED_BATCH, sched(7) */},
        {"CapabilityBoundingSet", "t", NULL, 0},
        {"NoNewPrivileges", "b", NULL, 1},
        {"LockPersonality", "b", NULL, 1},
        {"MemoryDenyWriteExecute", "b", NULL, 1},
        {"PrivateDevices", "b", NULL, 1},
        {"PrivateIPC", "b", NULL, 1},
        {"PrivateNetwork", "b", NULL, 1},
        {"PrivateTmp", "b", NULL, 1},
        {"ProtectClock", "b", NULL, 1},
        {"ProtectControlGroups", "b", NULL, 1},
        {"ProtectHome", "s", "yes", 0},
        {"ProtectHostname", "b", NULL, 1},
        {"ProtectKernelLogs", "b", NULL, 1},
        {"ProtectKernelModules", "b", NULL, 1},
        {"ProtectKernelTunables", "b", NULL, 1},
        {"ProtectProc", "s", "invisible", 0},
        {"ProtectSystem", "s", "strict", 0},
        {"ReadWritePaths", "as", L4_STATE_DIR, 0},
        {"RemoveIPC", "b", NULL, 1},
        {"RestrictNamespaces", "t", NULL, 0},
        {"RestrictRealtime", "b", NULL, 1},
        {"RestrictSUIDSGID", "b", NULL, 1},
        {"KeyringMode", "s", "private", 0},
        {"SystemCallErrorNumber", "i", NULL, 1 /* EPERM */},
        {"StandardError", "s", "journal", 0},
};

static int append_property(sd_bus_message *m, const Property *p)
{
        switch (p->type[0]) {
        case 's':
                return sd_bus_message_append(m, "(sv)", p->name, "s", p->text);
        case 'a':
                return sd_bus_message_append(m, "(sv)", p->name, "as", 1, p->text);
        case 'b':
        case 'i':
        case 'u':
                return sd_bus_message_append(m, "(sv)", p->name, p->type, (int)p->number);
        case 't':
                return sd_bus_message_append(m, "(sv)", p->name, "t", p->number);
        default:
                g_assert_not_reached();
        }
}

/* @system-service less what a store run has no use for; the lists are systemd's (systemd-analyze
 * syscall-filter). */
static int append_syscalls(sd_bus_message *m)
{
        int r = sd_bus_message_append(m, "(sv)", "SystemCallArchitectures", "as", 1, "native");

        if (r >= 0)
                r = sd_bus_message_append(m, "(sv)", "SystemCallFilter", "(bas)", 1, 1, "@system-service");
        if (r >= 0)
                r = sd_bus_message_append(m, "(sv)", "SystemCallFilter", "(bas)", 0, 7, "@resources", "@aio",
                                          "@keyring", "@obsolete", "@privileged", "userfaultfd", "ptrace");
        if (r >= 0)
                r = sd_bus_message_append(m, "(sv)", "RestrictAddressFamilies", "(bas)", 1, 1, "AF_UNIX");
        return r;
}

static int append_streams(sd_bus_message *m, const StoreUnit *unit)
{
        int r = sd_bus_message_append(m, "(sv)", "StandardOutputFileDescriptor", "h", unit->output_fd);

        if (r >= 0 && unit->input_fd >= 0)
                r = sd_bus_message_append(m, "(sv)", "StandardInputFileDescriptor", "h", unit->input_fd);
        return r;
}

int store_unit_append(sd_bus_message *m, const StoreUnit *unit)
{
        int r = sd_bus_message_open_container(m, 'a', "(sv)");

        for (unsigned i = 0; r >= 0 && i < G_N_ELEMENTS(properties); i++)
                r = append_property(m, &properties[i]);
        if (r >= 0)
                r = append_syscalls(m);
        if (r >= 0)
                r = append_streams(m, unit);
        if (r >= 0)
                r = sd_bus_message_append(m, "(sv)", "Description", "s", unit->description);
        if (r >= 0)
                r = sd_bus_message_append(m, "(sv)", "LoadCredential", "a(ss)", 1, "request",
                                          unit->request_path);
        if (r >= 0 && unit->bind_source)
                r = sd_bus_message_append(m, "(sv)", "BindReadOnlyPaths", "a(ssbt)", 1, unit->bind_source,
                                          "/run/left4me-import", 0 /* must exist */, (uint64_t)0);
        if (r >= 0)
                r = sd_bus_message_append(m, "(sv)", "ExecStart", "a(sasb)", 1,
                                          L4_LIBEXECDIR "/left4me-store", 1, "left4me-store", 0);
        if (r >= 0)
                r = sd_bus_message_close_container(m);
        return r;
}
