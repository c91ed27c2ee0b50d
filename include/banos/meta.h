/* SPDX-License-Identifier: MIT */
/*
 * What a driver says about itself beyond its record: at most one Banos_Meta in the section
 * .banos-meta. All of it is data; the kernel and the tools read it without running the driver.
 *
 *	static const Banos_Parameter my_parameters[] = {
 *		{.name = "rate", .type = BANOS_PARAM_UNSIGNED, .fallback = "100",
 *		 .help = "samples per second", .minimum = 1, .maximum = 1000},
 *	};
 *	BANOS_META_API static const Banos_Meta my_meta = {
 *		BANOS_META_HEAD,
 *		.description = "samples of my device",
 *		.parameters = BANOS_LIST(my_parameters),
 *	};
 *
 * How it grows: Banos_Meta only at its end. A kernel reads the part that it knows. If what is
 * behind that part is not zero, it refuses the driver, because it would not do what the driver
 * asks for. Fields that are zero mean what they meant before they existed. Elements of lists grow
 * in the same way: the list says how far apart they lie.
 *
 * Bounds: texts of 255 bytes; description, author and help of 999; 1,000 elements in a list, but
 * of parameters 256, and of the properties of a match 64.
 */
#ifndef BANOS_META_H
#define BANOS_META_H

#include <banos/driver.h>

#define BANOS_META_SECTION ".banos-meta"
#define BANOS_META_MAGIC   0x54454d42u /* "BMET" */

/* Before the definition. It may be const. */
#define BANOS_META_API __attribute__((__used__, __section__(BANOS_META_SECTION), __aligned__(8)))

/* The first fields of every Banos_Meta. */
#define BANOS_META_HEAD \
	.magic = BANOS_META_MAGIC, .size = sizeof(Banos_Meta), .built_with = BANOS_VERSION

/* Elements that follow each other in the driver's own memory. All zero: an empty list. */
typedef struct Banos_List {
	const void *first;
	uint32_t count;
	uint32_t stride; /* bytes from one element to the next, a multiple of 8 */
} Banos_List;

BANOS_SIZE(Banos_List, 16);
BANOS_OFFSET(Banos_List, first, 0);
BANOS_OFFSET(Banos_List, count, 8);
BANOS_OFFSET(Banos_List, stride, 12);

/* A Banos_List of all elements of an array. */
#define BANOS_LIST(array)                                                       \
	{                                                                       \
		(array), sizeof(array) / sizeof((array)[0]), sizeof((array)[0]) \
	}

/* An interface that the driver cannot do without. Its header says its name and its version. */
typedef struct Banos_Need {
	const char *name; /* e.g. "banos.chardev" */
	uint32_t major;	  /* exactly this one */
	uint32_t minor;	  /* at least this one */
} Banos_Need;

BANOS_SIZE(Banos_Need, 16);
BANOS_OFFSET(Banos_Need, name, 0);
BANOS_OFFSET(Banos_Need, major, 8);
BANOS_OFFSET(Banos_Need, minor, 12);

/* The driver is to be used when that driver is there, and does without when it is not. */
#define BANOS_DEPENDENCY_OPTIONAL 1u

/* Another driver that must have been installed before, and stays while this one does. */
typedef struct Banos_Dependency {
	const char *name; /* as in its record */
	uint32_t minimum; /* its oldest version that will do; 0: any */
	uint32_t maximum; /* its newest one; 0: any */
	uint32_t flags;	  /* BANOS_DEPENDENCY_OPTIONAL */
	uint32_t zero;
} Banos_Dependency;

BANOS_SIZE(Banos_Dependency, 24);
BANOS_OFFSET(Banos_Dependency, name, 0);
BANOS_OFFSET(Banos_Dependency, minimum, 8);
BANOS_OFFSET(Banos_Dependency, maximum, 12);
BANOS_OFFSET(Banos_Dependency, flags, 16);
BANOS_OFFSET(Banos_Dependency, zero, 20);

/* Types of parameters. */
#define BANOS_PARAM_BOOLEAN  1u /* 0, 1, n, y, no, yes, off, on; read as uint64_t 0 or 1 */
#define BANOS_PARAM_UNSIGNED 2u /* decimal, or hexadecimal with 0x; uint64_t */
#define BANOS_PARAM_SIGNED   3u /* the same with a sign before it; int64_t */
#define BANOS_PARAM_TEXT     4u /* up to 255 bytes */

/*
 * A value that can be given when the driver is installed (banos install FILE NAME=VALUE). The
 * kernel checks type and range before init runs; init asks with banos_param_get().
 */
typedef struct Banos_Parameter {
	const char *name; /* up to 63 letters, digits and _, not beginning with a digit */
	const char *help; /* one line, for `banos info` */
	const char
		*fallback; /* the value when none is given, as text, in the range; NULL: 0, or "" */
	uint32_t type;	   /* BANOS_PARAM_* */
	uint32_t flags;	   /* 0 */
	int64_t minimum;   /* of numbers; both 0: any number. Of others: 0 */
	int64_t maximum;
} Banos_Parameter;

BANOS_SIZE(Banos_Parameter, 48);
BANOS_OFFSET(Banos_Parameter, name, 0);
BANOS_OFFSET(Banos_Parameter, help, 8);
BANOS_OFFSET(Banos_Parameter, fallback, 16);
BANOS_OFFSET(Banos_Parameter, type, 24);
BANOS_OFFSET(Banos_Parameter, flags, 28);
BANOS_OFFSET(Banos_Parameter, minimum, 32);
BANOS_OFFSET(Banos_Parameter, maximum, 40);

/* A datum that the driver attaches to the devices of one match: read with banos_device_property().
 */
typedef struct Banos_Property {
	const char *name;
	const char *text; /* or NULL: it is a number */
	uint64_t number;
} Banos_Property;

BANOS_SIZE(Banos_Property, 24);
BANOS_OFFSET(Banos_Property, name, 0);
BANOS_OFFSET(Banos_Property, text, 8);
BANOS_OFFSET(Banos_Property, number, 16);

#define BANOS_MATCH_ANY 0xffffffffu

/*
 * Devices that the driver is for. A device matches when every field does; of several drivers the
 * one whose match names more is tried first. A number that is left out is 0, which matches 0 only:
 * write BANOS_MATCH_ANY where any will do, or begin with BANOS_MATCH_PCI.
 */
typedef struct Banos_Match {
	const char *bus;	/* "pci", "virtio", "platform" or a name that a bus driver gave */
	const char *compatible; /* the device's name on buses that name devices; NULL: any */
	uint32_t vendor;	/* BANOS_MATCH_ANY, or as the bus numbers vendors */
	uint32_t device;
	uint32_t subvendor;
	uint32_t subdevice;
	uint32_t class_code; /* where class_mask has ones; class_mask 0: any */
	uint32_t class_mask;
	Banos_List properties; /* of Banos_Property */
	uint64_t data;	       /* the driver's own: read back with banos_device_match_data() */
} Banos_Match;

/* A PCI device by its numbers, whoever made the board: {BANOS_MATCH_PCI(0x1234, 0x11e8)}. */
#define BANOS_MATCH_PCI(vendor_, device_)                                                     \
	.bus = "pci", .vendor = (vendor_), .device = (device_), .subvendor = BANOS_MATCH_ANY, \
	.subdevice = BANOS_MATCH_ANY

BANOS_SIZE(Banos_Match, 64);
BANOS_OFFSET(Banos_Match, bus, 0);
BANOS_OFFSET(Banos_Match, compatible, 8);
BANOS_OFFSET(Banos_Match, vendor, 16);
BANOS_OFFSET(Banos_Match, device, 20);
BANOS_OFFSET(Banos_Match, subvendor, 24);
BANOS_OFFSET(Banos_Match, subdevice, 28);
BANOS_OFFSET(Banos_Match, class_code, 32);
BANOS_OFFSET(Banos_Match, class_mask, 36);
BANOS_OFFSET(Banos_Match, properties, 40);
BANOS_OFFSET(Banos_Match, data, 56);

/* Installing it a second time is refused. */
#define BANOS_META_SINGLE 1u
/* It uses interfaces whose names carry x_: they promise nothing, and the author knows. */
#define BANOS_META_EXPERIMENTAL 2u

/* The system is about to power off or to restart: stop the device. Calls may still come. */
#define BANOS_EVENT_SHUTDOWN 1u

typedef struct Banos_Meta {
	uint32_t magic;	     /* BANOS_META_MAGIC */
	uint32_t size;	     /* of this structure, a multiple of 8 */
	uint32_t flags;	     /* BANOS_META_* */
	uint32_t built_with; /* BANOS_VERSION of the headers; for people, nothing depends on it */
	const char *description;
	const char *author;
	Banos_List needs;	 /* of Banos_Need */
	Banos_List dependencies; /* of Banos_Dependency */
	Banos_List parameters;	 /* of Banos_Parameter */
	Banos_List matches;	 /* of Banos_Match */
	/*
	 * Removal begins: finish what is in progress, and start nothing new. Calls from outside
	 * have ended already. A negative result refuses the removal. May be NULL. Context: may
	 * sleep.
	 */
	int32_t (*quiesce)(Banos_Driver *driver);
	/* Something has happened (BANOS_EVENT_*); unknown ones are to be ignored. May be NULL.
	 * Context: may sleep. */
	void (*event)(Banos_Driver *driver, uint32_t event, uint64_t argument);
} Banos_Meta;

BANOS_SIZE(Banos_Meta, 112);
BANOS_OFFSET(Banos_Meta, magic, 0);
BANOS_OFFSET(Banos_Meta, size, 4);
BANOS_OFFSET(Banos_Meta, flags, 8);
BANOS_OFFSET(Banos_Meta, built_with, 12);
BANOS_OFFSET(Banos_Meta, description, 16);
BANOS_OFFSET(Banos_Meta, author, 24);
BANOS_OFFSET(Banos_Meta, needs, 32);
BANOS_OFFSET(Banos_Meta, dependencies, 48);
BANOS_OFFSET(Banos_Meta, parameters, 64);
BANOS_OFFSET(Banos_Meta, matches, 80);
BANOS_OFFSET(Banos_Meta, quiesce, 96);
BANOS_OFFSET(Banos_Meta, event, 104);

#endif
