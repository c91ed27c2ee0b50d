/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Numbers of the socket calls that Linux fixes and its UAPI headers leave to the C library:
 * families, types, flags of messages. Options (SO_*) are in <asm/socket.h>.
 */
#ifndef NET_CONSTANTS_H
#define NET_CONSTANTS_H

#define AF_UNSPEC 0
#define AF_UNIX	  1

#define SOCK_STREAM    1
#define SOCK_DGRAM     2
#define SOCK_RAW       3
#define SOCK_SEQPACKET 5
#define SOCK_TYPE_MAX  10 /* the largest there is */

#define MSG_OOB		 0x1
#define MSG_PEEK	 0x2
#define MSG_CTRUNC	 0x8
#define MSG_TRUNC	 0x20
#define MSG_DONTWAIT	 0x40
#define MSG_EOR		 0x80
#define MSG_WAITALL	 0x100
#define MSG_NOSIGNAL	 0x4000
#define MSG_WAITFORONE	 0x10000
#define MSG_CMSG_CLOEXEC 0x40000000
#define MSG_CMSG_COMPAT	 0x80000000U

#endif
