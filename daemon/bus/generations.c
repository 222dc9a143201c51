#include "generations.h"

#include "base/error.h"
#include "core/job-kinds.h"

static int append_all(sd_bus_message *reply, const Content *content)
{
        int r = sd_bus_message_open_container(reply, 'a', "(uta{sv})");

        for (guint i = 0; r >= 0 && i < content->generations->len; i++) {
                const Generation *g = g_ptr_array_index(content->generations, i);

                r = sd_bus_message_append(reply, "(uta{sv})", g->number, g->created, 5, "commit", "s",
                                          g->commit, "size", "t", g->size, "files", "u", g->files, "by", "s",
                                          g->created_by, "current", "b", g->number == content->current);
        }
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

int generations_reply(Call *call, const Content *content, GError **error)
{
        __attribute__((cleanup(sd_bus_message_unrefp))) sd_bus_message *reply = NULL;
        int r;

        if (call_new_reply(call, &reply, error) < 0)
                return -1;
        r = append_all(reply, content);
        return r < 0 ? (call_malformed(error, r), -1) : call_reply_message(call, reply, error);
}

int generations_rollback(Call *call, const Content *content, uint32_t number, const Options *options,
                         GError **error)
{
        JobRequest request = {&job_rollback,   content->subject,    NULL,
                              call->principal, options->request_id, -EBADF};
        Job *job;

        if (!content_find(content, number)) {
                g_set_error(error, L4_ERROR, L4_ERROR_NO_SUCH_GENERATION, "%s has no generation %u",
                            content->subject, number);
                return -1;
        }
        request.parameters = json_pack("{s:I}", "generation", (json_int_t)number);
        options_to_job(options, request.parameters);
        job = job_submit(call->manager, &request, error);
        return job ? call_reply_job(call, job, error) : -1;
}
