/* SPDX-License-Identifier: BSD-2-Clause */
/* A run: drivers come, commands are executed, jobs among them, everything goes. */
#include "script.h"
#include "block.h"
#include "device.h"
#include "host.h"
#include "pages.h"
#include "registry.h"
#include "task.h"
#include "tty.h"
#include <banos/sync.h>
#include <driver/image.h>
#include <driver/registry.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <lib/string.h>

static struct named *names;
static struct job *jobs;

/* --- drivers --------------------------------------------------------------------------------- */

/* The bytes stay: messages need the symbols. */
static uint8_t *read_file(const char *path, size_t *size)
{
	FILE *file = fopen(path, "rb");
	uint8_t *bytes = NULL;
	long end;

	if (!file)
		return NULL;
	if (fseek(file, 0, SEEK_END) == 0 && (end = ftell(file)) >= 0 &&
	    (size_t)end <= IMAGE_FILE_MAX && fseek(file, 0, SEEK_SET) == 0) {
		bytes = host_alloc((size_t)end);
		*size = fread(bytes, 1, (size_t)end, file);
	}
	fclose(file);
	return bytes;
}

/* What a driver is called until it has said it itself: the file's name. */
static void name_of_path(const char *path, char *name, size_t size)
{
	const char *slash = strrchr(path, '/');
	char *dot;

	strlcpy(name, slash ? slash + 1 : path, size);
	dot = strrchr(name, '.');
	if (dot && dot != name)
		*dot = '\0';
}

int script_install(const char *path, const char *parameters, const char **sentence)
{
	char name[64];
	size_t size;
	uint8_t *bytes = read_file(path, &size);
	int r;

	if (!bytes) {
		*sentence = "the file cannot be read";
		return errno ? -errno : -EIO;
	}
	name_of_path(path, name, sizeof(name));
	images_next(name, bytes, size);
	r = driver_install(bytes, size, parameters);
	if (r < 0)
		*sentence = registry_refusal();
	return r;
}

int script_remove(const char *name, const char **sentence)
{
	int r = driver_remove_name(name);

	if (r < 0)
		*sentence = registry_refusal();
	return r;
}

/* --- names ----------------------------------------------------------------------------------- */

struct named *named_find(const struct word *name, bool is_map)
{
	struct named *n = names;

	while (n && (strcmp(n->name, name->text) || is_map != (n->pages != NULL)))
		n = n->next;
	return n;
}

struct named *named_new(const struct word *name)
{
	struct named *n = host_alloc(sizeof(*n));

	n->name = host_strdup(name->text);
	n->next = names;
	return names = n;
}

void named_drop(struct named *n)
{
	struct named **at = &names;

	while (*at != n)
		at = &(*at)->next;
	*at = n->next;
	if (n->file)
		device_close(n->file);
	if (n->block)
		block_close(n->block);
	if (n->tty)
		tty_close(n->tty);
	if (n->pages)
		pages_put(n->pages);
	free(n->name);
	free(n);
}

/* --- jobs ------------------------------------------------------------------------------------ */

static struct job *job_find(const char *name)
{
	struct job *j = jobs;

	while (j && strcmp(j->name, name))
		j = j->next;
	return j;
}

static void job_run(void *arg)
{
	struct job *j = arg;
	const char *why = NULL;

	if (!command_run(&j->words, &j->result, &why)) {
		j->result.number = -EINVAL;
		j->result.sentence = why;
	}
	j->done = true;
}

static void job_free(struct job *j)
{
	struct job **at = &jobs;

	while (*at != j)
		at = &(*at)->next;
	*at = j->next;
	task_join(j->task);
	free(j->result.bytes);
	words_free(&j->all);
	free(j->name);
	free(j);
}

/* start JOB COMMAND ... */
static bool job_start(const struct words *w, const char **why)
{
	struct job *j;

	*why = w->count < 3			 ? "say a name and a command"
	       : job_find(w->word[1].text)	 ? "a job of that name has not been waited for"
	       : !command_usage(w->word[2].text) ? "there is no such command"
						 : NULL;
	if (!*why && w->wanted != w->count)
		*why = "what is expected stands behind `wait`";
	if (*why)
		return false;
	j = host_alloc(sizeof(*j));
	j->name = host_strdup(w->word[1].text);
	j->all = *w;
	j->words = words_tail(w, 2);
	j->next = jobs;
	jobs = j;
	j->task = task_create(j->name, job_run, j, 0);
	return true;
}

static bool job_done(const void *on)
{
	return ((const struct job *)on)->done;
}

/* wait JOB [for TIME] */
static bool job_wait(const struct words *w, struct job *j, struct result *r, const char **why)
{
	unsigned end = w->wanted == w->count ? w->count : w->wanted - 1;
	nsec_t deadline = NEVER;
	uint64_t ns;

	if (end == 4 && word_is(&w->word[2], "for") && word_time(&w->word[3], &ns))
		deadline = task_now() + ns;
	else if (end != 2)
		*why = "say `wait JOB` or `wait JOB for TIME`";
	if (*why)
		return false;
	r->number = task_wait(job_done, j, deadline, false, "job %s", j->name);
	if (r->number)
		return true;
	*r = j->result;
	/* That not all was done is what is looked at then. */
	if (w->wanted != w->count && r->number >= 0)
		r->sentence = NULL;
	j->result.bytes = NULL;
	job_free(j);
	return true;
}

/* start, wait, signal, pending, settle. false: not one of these, or (*why) malformed. */
static bool run_job_command(const struct words *w, struct result *r, const char **why)
{
	const struct word *first = &w->word[0];
	struct job *j;

	*why = NULL;
	if (word_is(first, "settle")) {
		task_settle();
		return true;
	}
	if (word_is(first, "start"))
		return job_start(w, why);
	if (!word_is(first, "wait") && !word_is(first, "signal") && !word_is(first, "pending"))
		return false;
	j = w->count > 1 ? job_find(w->word[1].text) : NULL;
	if (!j) {
		*why = "there is no job of that name";
		return false;
	}
	if (word_is(first, "wait"))
		return job_wait(w, j, r, why);
	if (word_is(first, "signal")) {
		task_interrupt(j->task);
		return true;
	}
	task_settle();
	if (j->done) {
		r->number = j->result.number < 0 ? j->result.number : -EALREADY;
		r->sentence = "it is not pending, it has ended";
	}
	return true;
}

/* --- commands -------------------------------------------------------------------------------- */

/* An allocation that failed on purpose may have any consequence that is tidy: the script ends. */
static bool is_excused(void)
{
	return host_fail_met();
}

static bool check(const struct words *w, const struct result *r, const char *where, bool *go_on,
		  const char **why)
{
	char *said, *shown;
	bool short_write = r->sentence && r->number >= 0;

	if (expect_met(w, r, &said, why) && !short_write)
		return true;
	if (*why) {
		free(said);
		return false;
	}
	*go_on = !is_excused();
	if (*go_on) {
		shown = words_show(w);
		host_complain("%s: %s: gives %s", where, shown, said ? said : r->sentence);
		free(shown);
	}
	free(said);
	return true;
}

/* One command. false: it is malformed. */
static bool run_one(const struct words *w, const char *where, bool *go_on)
{
	struct result r = {0};
	const char *why = NULL;
	bool well = run_job_command(w, &r, &why);
	const char *usage;

	if (!well && !why)
		well = command_run(w, &r, &why);
	if (well)
		well = check(w, &r, where, go_on, &why);
	free(r.bytes);
	if (well)
		return true;
	usage = command_usage(w->word[0].text);
	host_complain("%s: %s: %s%s%s%s", where, w->word[0].text, why, usage ? " (" : "",
		      usage ? usage : "", usage ? ")" : "");
	return false;
}

bool script_run(const char *text, const char *where)
{
	const char *at = text, *why;
	bool well = true, go_on = true;
	struct words *w = host_alloc(sizeof(*w));

	while (*at && well && go_on) {
		char place[100];
		unsigned line = 1;

		for (const char *c = text; c < at; c++)
			line += *c == '\n';
		snprintf(place, sizeof(place), "%.80s:%u", where, line);
		well = words_read(&at, w, &why);
		if (!well)
			host_complain("%s: %s", place, why);
		/* A job keeps the words of its command. */
		if (well && w->count)
			well = run_one(w, place, &go_on);
		if (well && !(w->count && word_is(&w->word[0], "start")))
			words_free(w);
	}
	free(w);
	return well;
}

/* --- the end --------------------------------------------------------------------------------- */

void script_end(void)
{
	const char *sentence;

	for (struct job *j = jobs; j; j = j->next)
		task_interrupt(j->task);
	while (jobs)
		job_free(jobs);
	while (names)
		named_drop(names);
	while (registry_newest() >= 0 && registry_can_go(registry_newest())) {
		if (driver_remove(registry_newest()) == 0)
			continue;
		sentence = registry_refusal();
		host_complain("%s", sentence);
		break;
	}
}
