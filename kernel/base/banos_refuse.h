/* SPDX-License-Identifier: BSD-2-Clause */
/* Telling whoever writes a driver why a call of it was refused. */
#ifndef BASE_BANOS_REFUSE_H
#define BASE_BANOS_REFUSE_H

#include <base/owner.h>
#include <lib/compiler.h>

/*
 * In the function that the driver has called: the log says "driver NAME: FUNCTION: ..."; the rest
 * names the field, what is wrong with it and the remedy. -EEXIST and -E2BIG are only notices, since
 * who gets them may try another name, or less. What init could not do is also part of what banos
 * install says. Returns error. Context: any.
 */
#define BANOS_REFUSE(owner, error, ...) banos_refuse(owner, error, __func__, __VA_ARGS__)

/* owner: NULL when the driver gave no record of its own. */
int banos_refuse(struct owner *owner, int error, const char *call, const char *why, ...)
	__printf_like(4, 5);

/* The same for a function that registers something: no owner, or nowhere to put the handle. */
#define BANOS_REFUSE_CALLER(owner)                                                            \
	BANOS_REFUSE(owner, -EINVAL, "%s",                                                    \
		     (owner) ? "where the handle goes is NULL: give the address of a pointer" \
			     : "the first argument must be the record that init was given")

/* What was refused last in its init, if with that error. Context: any. */
bool banos_refusal_of(struct owner *owner, int error, char *sentence, size_t size);

/*
 * May the log have one more line about a mistake of this driver (NULL: of some)? Always while its
 * init runs. Later a program may make the driver repeat itself, and the log is not for that.
 */
bool banos_may_tell(struct owner *owner);

/* Of what has to be given. */
#define BANOS_REFUSE_NULL(owner, type) \
	banos_refuse(owner, -EINVAL, type, "NULL was given: it is needed")
/* With the name: something else has it. */
#define BANOS_REFUSE_TAKEN(owner, name, more)                                                     \
	BANOS_REFUSE(owner, -EEXIST, "\"%.60s\": there is such a name already: choose another%s", \
		     name, more)
/* With the name: what BANOS_..._wrong() has found. */
#define BANOS_REFUSE_WRONG(owner, name, wrong) \
	BANOS_REFUSE(owner, -EINVAL, "\"%.60s\": %s", name, wrong)

#endif
