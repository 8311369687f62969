/* SPDX-License-Identifier: Apache-2.0 */

/*
 * DPDK prints: its log to a stream, and some messages (EAL's usage text, its fatal errors, libbpf's
 * complaints) straight to C's stdout and stderr. All of it comes here. The last lines are kept, so
 * that an error can carry DPDK's own words, and lines as severe as the operator asked for pass
 * through to file descriptor 2. stdout and stderr are C variables, and Go does not write through
 * them: pointing them here leaves descriptors 1 and 2 alone.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* fopencookie */
#endif

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <rte_log.h>

#include "shim.h"

#define KEPT 128 /* lines; a power of two */

enum source { LOGGED, ERRORS, PRINTED, SOURCES };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct ld_log_line kept[KEPT];
static struct ld_log_line begun[SOURCES]; /* lines that have not ended yet */
static size_t begun_len[SOURCES];
static uint64_t count;
static int pass_level = RTE_LOG_CRIT;
static FILE *stream[SOURCES];
static FILE *own_stdout, *own_stderr;

static void pass(const struct ld_log_line *line, size_t len)
{
	char text[sizeof(line->text) + 1];

	memcpy(text, line->text, len);
	text[len] = '\n';
	if (write(STDERR_FILENO, text, len + 1) < 0)
		return; /* there is nobody left to tell */
}

static void end_line(enum source from)
{
	struct ld_log_line *line = &begun[from];
	size_t len = begun_len[from];
	int level = line->level > 0 ? line->level : (int)RTE_LOG_DEBUG;

	begun_len[from] = 0;
	if (len == 0)
		return;
	line->text[len] = '\0';
	line->number = ++count;
	if (level <= pass_level)
		pass(line, len);
	if (from != PRINTED)
		kept[count & (KEPT - 1)] = *line;
	else
		count--; /* EAL's usage text would drive out the line that says why */
}

static ssize_t on_write(void *cookie, const char *text, size_t len)
{
	enum source from = (enum source)(uintptr_t)cookie;

	pthread_mutex_lock(&lock);
	begun[from].level = from == LOGGED ? rte_log_cur_msg_loglevel() : 0;
	for (size_t i = 0; i < len; i++) {
		if (text[i] == '\n')
			end_line(from);
		else if (text[i] != '\r' && begun_len[from] < sizeof(begun[from].text) - 1)
			begun[from].text[begun_len[from]++] = text[i];
	}
	pthread_mutex_unlock(&lock);
	return (ssize_t)len;
}

int ld_log_open(void)
{
	const cookie_io_functions_t io = {.write = on_write};

	for (uintptr_t i = 0; i < SOURCES; i++) {
		stream[i] = fopencookie((void *)i, "w", io);
		if (stream[i] == NULL)
			return -ENOMEM;
		setvbuf(stream[i], NULL, _IOLBF, 0);
	}
	own_stdout = stdout;
	own_stderr = stderr;
	stdout = stream[PRINTED];
	stderr = stream[ERRORS];
	return rte_openlog_stream(stream[LOGGED]);
}

/* The streams stay open: newer EALs close the log's on cleanup, and late threads may still print.
 */
int ld_log_close(void)
{
	if (own_stdout == NULL)
		return 0;
	stdout = own_stdout;
	stderr = own_stderr;
	return 0;
}

void ld_log_pass(int level)
{
	pthread_mutex_lock(&lock);
	pass_level = level;
	pthread_mutex_unlock(&lock);
}

uint64_t ld_log_count(void)
{
	uint64_t n;

	pthread_mutex_lock(&lock);
	n = count;
	pthread_mutex_unlock(&lock);
	return n;
}

/* Copies the last lines, at most max of them, the oldest first. */
uint32_t ld_log_read(struct ld_log_line *lines, uint32_t max)
{
	uint64_t n;

	pthread_mutex_lock(&lock);
	n = count < KEPT ? count : KEPT;
	if (n > max)
		n = max;
	for (uint64_t i = 0; i < n; i++)
		lines[i] = kept[(count - n + 1 + i) & (KEPT - 1)];
	pthread_mutex_unlock(&lock);
	return (uint32_t)n;
}
