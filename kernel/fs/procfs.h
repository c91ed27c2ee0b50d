/* SPDX-License-Identifier: BSD-2-Clause */
/* procfs from the inside. */
#ifndef FS_PROCFS_H
#define FS_PROCFS_H

#include <base/stats.h>
#include <vfs/file.h>
#include <vfs/inode.h>
#include <vfs/proc_source.h>
#include <vfs/super.h>

/* What an inode of procfs belongs to: one of these, by its operations. */
struct proc_inode {
	struct inode inode;
	/* a folder or file of the registered nodes */
	char prefix[80];	 /* [I] of a folder: "sys/kernel/" */
	struct stats_node *node; /* [I] of a file */
	/* something in a process's directory */
	void *process;			   /* [I] reference of proc_source, or NULL */
	int32_t pid, tid;		   /* [I] tid is the pid in the process's own directory */
	int fd;				   /* [I] of an entry of fd or fdinfo */
	const struct proc_entry *entry;	   /* [I] row of the table in proc_pid.c */
	const struct proc_text_file *text; /* [I] a text that proc/ provides */
};

static inline struct proc_inode *proc_inode(struct inode *inode)
{
	return container_of(inode, struct proc_inode, inode);
}

/* A new inode of root with the given number, mode and operations. NULL: no memory. */
struct proc_inode *proc_inode_create(struct super *s, uint64_t ino, unsigned mode,
				     const struct inode_ops *ops, const struct file_ops *file_ops);

/* Attributes of procfs do not change by request, except size 0 for O_TRUNC. */
int proc_setattr(struct inode *inode, const struct inode_attr *attr);

/* --- proc_text.c: files whose text is made when they are read from the start --- */

/* Make the text of an open file: 0 or -errno. */
typedef int (*proc_show_fn)(struct file *f, struct text *out);
int proc_text_open(struct file *f);
void proc_text_release(struct file *f);
ssize_t proc_text_read(struct file *f, struct iter *it, off64_t *pos, proc_show_fn show);
/* At most a page, terminated, for a store function. *out is to be freed. */
int proc_text_input(struct iter *it, char **out, size_t *len);

/* --- proc_pid.c: processes --- */

int proc_pid_lookup(struct super *s, const struct name *name, struct inode **out);
/* Directories of processes, at cookies from `base` + pid. */
int proc_pid_readdir(struct dir_sink *sink, off64_t base);
/* The links "self", "thread-self", "mounts"; listed at cookies from base, `end` is behind them. */
#define PROC_LINK_INO 2
int proc_self_lookup(struct super *s, const struct name *name, struct inode **out);
bool proc_self_readdir(struct dir_sink *sink, off64_t base, off64_t end); /* false: full */
bool proc_pid_revalidate(struct inode *inode);

/*
 * procfs.c: a filesystem that shows the nodes whose path begins with prefix ("/sys/"), and nothing
 * else. 0 with *out, -ENOMEM.
 */
int proc_node_tree_create(const struct fs_type *type, unsigned long magic, const char *prefix,
			  struct super **out);

/* --- proc_sys.c: /proc/sys, devices, vmstat, ... --- */
void proc_sys_init(void);
void proc_locks_init(void);
void proc_debug_init(void); /* in test kernels */

/* --- proc_system.c: meminfo, stat, uptime, ... --- */
void proc_system_init(void);

#endif
