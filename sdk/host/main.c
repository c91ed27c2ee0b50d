/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * banos-host: runs driver objects in an ordinary process.
 *
 * One run: the objects of the command line are installed in order, the commands executed, what is
 * left taken back. Where more than one run is asked for, with other seeds (--runs) or with another
 * allocation that fails (--fail-allocs), each is a child process: a crash ends that run only.
 *
 * Exit status: 0 nothing was wrong; 1 something was; 2 wrong usage.
 */
#include "host.h"
#include "pci.h"
#include "registry.h"
#include "script.h"
#include "task.h"
#include <banos/version.h>
#include <driver/symbols.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <lib/string.h>

#define EXIT_USAGE  2
#define OBJECTS_MAX 64
#define DEVICES_MAX 32
#define CPUS_MAX    64
#define ALLOCS_MAX  100000 /* a run that allocates more often does not end */
#define PARAMS_SIZE 2000
#define SHOWN_RUNS  3 /* of those that fail, how many are shown whole */

struct object {
	const char *path;
	char parameters[PARAMS_SIZE];
};

static struct {
	struct object objects[OBJECTS_MAX];
	unsigned object_count;
	const char *devices[DEVICES_MAX]; /* --device */
	unsigned device_count;
	char *commands;	    /* behind --, a line each; or NULL */
	const char *script; /* --script: its name */
	char *script_text;
	struct task_options order;
	uint64_t runs;
	uint64_t fail_alloc;
	bool fail_allocs;
	unsigned timeout;
	bool verbose;
} options = {.order = {.cpus = 2, .patience = 100 * NSEC_PER_SEC}, .timeout = 60};

/* What a child tells. */
static struct {
	uint64_t allocations;
} * told;

/* --- one run --------------------------------------------------------------------------------- */

/* FILE[,as=NAME][,OPTIONS] */
static bool plug_one(const char *device)
{
	char *path = host_strdup(device), *name = NULL, *comma = strchr(path, ',');
	const char *why = NULL;

	if (comma)
		*comma++ = '\0';
	if (comma && strncmp(comma, "as=", 3) == 0) {
		name = comma + 3;
		comma = strchr(name, ',');
		if (comma)
			*comma++ = '\0';
	}
	if (name && !*name)
		why = "as= needs a name behind it";
	else
		pci_plug(path, name, comma ? comma : "", &why);
	if (why)
		host_complain("%s: %s", device, why);
	free(path);
	return !why;
}

static bool plug_all(void)
{
	for (unsigned i = 0; i < options.device_count; i++)
		if (!plug_one(options.devices[i]))
			return false;
	return true;
}

static bool install_all(void)
{
	const char *sentence = NULL;

	for (unsigned i = 0; i < options.object_count; i++) {
		const struct object *o = &options.objects[i];

		if (script_install(o->path, o->parameters, &sentence) >= 0)
			continue;
		if (!host_fail_met())
			host_complain("%s: %s", o->path, sentence);
		return false;
	}
	return true;
}

static char *read_script(const char *path)
{
	FILE *file = strcmp(path, "-") ? fopen(path, "r") : stdin;
	char *text = NULL;
	size_t size = 0;
	ssize_t n;

	if (!file) {
		fprintf(stderr, "banos-host: %s: cannot be read: %m\n", path);
		exit(EXIT_USAGE);
	}
	n = getdelim(&text, &size, '\0', file);
	if (file != stdin)
		fclose(file);
	if (n < 0)
		return host_strdup("");
	return text;
}

static bool execute(void)
{
	bool well = true;

	if (options.script)
		well = script_run(options.script_text, options.script);
	if (well && options.commands)
		well = script_run(options.commands, "command");
	if (!options.script && !options.commands)
		well = script_run("sleep 1s", "");
	return well;
}

/* Returns the exit status. */
static int run(uint64_t seed, uint64_t fail_at)
{
	bool well = true;

	options.order.seed = seed;
	host_fail_at = fail_at;
	trap_begin(options.timeout);
	task_begin(&options.order);
	cpu_begin(options.order.cpus);
	timer_begin();
	work_begin();
	epoch_begin();
	irq_begin();
	pci_begin();
	driver_symbols_init();
	if (plug_all() && install_all())
		well = execute();
	script_end();
	fflush(stdout);
	if (told)
		told->allocations = host_fail_count;
	return !well ? EXIT_USAGE : host_failures ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* --- many runs ------------------------------------------------------------------------------- */

static uint64_t runs_done, runs_failed;

static void show_output(int output)
{
	char piece[4096];
	ssize_t n;

	lseek(output, 0, SEEK_SET);
	while ((n = read(output, piece, sizeof(piece))) > 0)
		if (write(STDERR_FILENO, piece, (size_t)n) < 0)
			break;
}

static void tell(uint64_t seed, uint64_t fail_at, int status, int output)
{
	char which[80] = "";

	if (fail_at)
		snprintf(which, sizeof(which), " --fail-alloc %llu", (unsigned long long)fail_at);
	if (status)
		fprintf(stderr, "banos-host: this run failed: --seed %llu%s\n",
			(unsigned long long)seed, which);
	if ((status && runs_failed <= SHOWN_RUNS) || options.verbose)
		show_output(output);
}

/* A run in a process of its own; its output is shown if it fails. Returns the exit status. */
static int run_child(uint64_t seed, uint64_t fail_at)
{
	int output = memfd_create("output", 0), status;
	pid_t child = output < 0 ? -1 : fork();

	if (child < 0) {
		fprintf(stderr, "banos-host: no process can be made: %m\n");
		exit(EXIT_FAILURE);
	}
	if (!child) {
		dup2(output, STDOUT_FILENO);
		dup2(output, STDERR_FILENO);
		/* Its other tasks are in the middle of something. */
		status = run(seed, fail_at);
		_exit(status);
	}
	if (waitpid(child, &status, 0) < 0)
		status = -1;
	status = WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FAILURE;
	runs_done++;
	runs_failed += status != 0;
	tell(seed, fail_at, status, output);
	close(output);
	return status;
}

/* Each allocation in turn, until a run needs fewer. */
static void run_fail_allocs(uint64_t seed)
{
	for (uint64_t n = 1; n <= ALLOCS_MAX; n++) {
		told->allocations = 0;
		if (run_child(seed, n) == EXIT_USAGE || told->allocations < n)
			break;
	}
}

static int run_many(void)
{
	uint64_t first = options.runs ? 1 : options.order.seed;
	uint64_t last = options.runs ? options.runs : options.order.seed;

	told = mmap(NULL, sizeof(*told), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (told == MAP_FAILED) {
		fprintf(stderr, "banos-host: out of memory\n");
		return EXIT_FAILURE;
	}
	for (uint64_t seed = first; seed <= last; seed++)
		if (options.fail_allocs)
			run_fail_allocs(seed);
		else if (run_child(seed, options.fail_alloc) == EXIT_USAGE)
			return EXIT_USAGE;
	printf("banos-host: %llu runs, %llu failed\n", (unsigned long long)runs_done,
	       (unsigned long long)runs_failed);
	return runs_failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* --- the command line ------------------------------------------------------------------------ */

static void usage(void)
{
	printf("usage: banos-host [OPTION ...] [FILE.banos [NAME=VALUE ...]] ... [-- COMMAND ...]\n"
	       "Runs drivers in this process: installs them in order, executes the commands, and\n"
	       "removes the drivers. What they forget and which rules they break is said.\n\n"
	       "  --seed N         the order of events: 0 (as they come), or one by chance\n"
	       "  --runs N         with the seeds 1 to N, each in a process of its own\n"
	       "  --fail-alloc N   the Nth allocation fails\n"
	       "  --fail-allocs    each allocation fails once, in runs of their own\n"
	       "  --script FILE    execute the commands in a file (-: the standard input)\n"
	       "  --device FILE[,as=NAME][,OPTIONS]\n"
	       "                   plug in a simulated device of the model in that file\n"
	       "  --cpus N         processors that drivers see (2)\n"
	       "  --timeout N      seconds that a run may take (60)\n"
	       "  -v, --verbose    show what all runs say\n"
	       "  --help, --version\n\n"
	       "Commands end with a line or ; and are followed by what they are to give, if that "
	       "is\n"
	       "not just success: `read f 5 -> \"hello\"', `open x -> ENOENT'. banos-host(1) has\n"
	       "the whole. Without commands the drivers run for a second.\n\n");
	command_list();
	printf("  start JOB COMMAND ..., wait JOB [for TIME], pending JOB, signal JOB, settle\n\n"
	       "Exit status: 0 nothing was wrong, 1 something was, 2 wrong usage.\n");
}

_Noreturn static void misused(const char *what, const char *word)
{
	fprintf(stderr, "banos-host: %s%s\nTry 'banos-host --help'.\n", what, word);
	exit(EXIT_USAGE);
}

static uint64_t number_of(const char *option, const char *text, uint64_t least, uint64_t most)
{
	struct word w = {.text = (char *)(uintptr_t)(text ? text : ""), .length = 0};
	uint64_t n;

	if (!word_number(&w, &n) || n < least || n > most)
		misused("a number that is possible must stand behind ", option);
	return n;
}

/* Returns how many words the option has, 0: it is none. */
static int take_option(char **argv)
{
	const char *o = argv[0], *value = argv[1];

	if (!strcmp(o, "--seed"))
		options.order.seed = number_of(o, value, 0, UINT64_MAX - 1);
	else if (!strcmp(o, "--runs"))
		options.runs = number_of(o, value, 1, UINT32_MAX);
	else if (!strcmp(o, "--fail-alloc"))
		options.fail_alloc = number_of(o, value, 1, UINT64_MAX);
	else if (!strcmp(o, "--cpus"))
		options.order.cpus = (uint32_t)number_of(o, value, 1, CPUS_MAX);
	else if (!strcmp(o, "--timeout"))
		options.timeout = (unsigned)number_of(o, value, 1, 1000000);
	else if (!strcmp(o, "--script") && value)
		options.script = value;
	else if (!strcmp(o, "--device") && value && options.device_count < DEVICES_MAX)
		options.devices[options.device_count++] = value;
	else if (!strcmp(o, "--fail-allocs"))
		return options.fail_allocs = 1;
	else if (!strcmp(o, "--verbose") || !strcmp(o, "-v"))
		return options.verbose = 1;
	else
		return 0;
	return 2;
}

/* NAME=VALUE, where a path has its slash before. */
static bool is_parameter(const char *word)
{
	const char *equals = strchr(word, '='), *slash = strchr(word, '/');

	return equals && (!slash || equals < slash);
}

static void take_object(const char *word)
{
	struct object *last;

	if (is_parameter(word)) {
		if (!options.object_count)
			misused("a parameter stands behind its driver: ", word);
		last = &options.objects[options.object_count - 1];
		strlcat(last->parameters, word, PARAMS_SIZE);
		strlcat(last->parameters, " ", PARAMS_SIZE);
		return;
	}
	if (options.object_count == OBJECTS_MAX)
		misused("there are too many objects: ", word);
	if (access(word, R_OK))
		misused("there is no such file: ", word);
	options.objects[options.object_count++].path = word;
}

/* A line each. */
static void take_commands(char **words)
{
	size_t size = 1;
	char **w;

	for (w = words; *w; w++)
		size += strlen(*w) + 1;
	options.commands = host_alloc(size);
	for (w = words; *w; w++) {
		strlcat(options.commands, *w, size);
		strlcat(options.commands, "\n", size);
	}
}

static void take_words(char **argv)
{
	int n;

	for (; *argv; argv += n) {
		n = 1;
		if (!strcmp(*argv, "--")) {
			take_commands(argv + 1);
			return;
		}
		if (!strcmp(*argv, "--help")) {
			usage();
			exit(EXIT_SUCCESS);
		}
		if (!strcmp(*argv, "--version")) {
			printf("banos-host, Banos ABI %u.%u.%u\n",
			       BANOS_VERSION_GET_MAJOR(BANOS_VERSION),
			       BANOS_VERSION_GET_MINOR(BANOS_VERSION),
			       BANOS_VERSION_GET_PATCH(BANOS_VERSION));
			exit(EXIT_SUCCESS);
		}
		if (**argv != '-')
			take_object(*argv);
		else if (!(n = take_option(argv)))
			misused("this option is not known, or lacks its value: ", *argv);
	}
}

int main(int argc, char **argv)
{
	take_words(argv + 1);
	if (!options.object_count && !options.script && !options.commands)
		misused("no file was given", "");
	if (options.script)
		options.script_text = read_script(options.script);
	if (options.runs || options.fail_allocs)
		return run_many();
	/* Tasks of drivers may wait for ever: no exit handlers, which would wait for them. */
	_exit(run(options.order.seed, options.fail_alloc));
}
