// The kernel's numbers that the netlink code uses, in the kernel's spelling (include/uapi/linux).
// Read by everything in this folder, by the link thread and by the control server. A number that
// nothing uses does not belong here, and no name of our own either.

import { endianness } from 'node:os'

/** Netlink integers are in host byte order; this is the `littleEndian` argument of a DataView. */
export const HOST_LITTLE_ENDIAN = endianness() === 'LE'

// netlink.h
export const NETLINK_ROUTE = 0
export const NETLINK_USERSOCK = 2
export const NETLINK_GENERIC = 16

export const NLMSG_NOOP = 1
export const NLMSG_ERROR = 2
export const NLMSG_DONE = 3
export const NLMSG_MIN_TYPE = 0x10

export const NLM_F_REQUEST = 0x01
export const NLM_F_MULTI = 0x02
export const NLM_F_ACK = 0x04
export const NLM_F_DUMP_INTR = 0x10
export const NLM_F_DUMP = 0x300 // of a GET request
export const NLM_F_REPLACE = 0x100 // of a NEW request, and of what tells of it
export const NLM_F_EXCL = 0x200 // of a NEW request
export const NLM_F_CREATE = 0x400
export const NLM_F_APPEND = 0x800
export const NLM_F_CAPPED = 0x100 // of an NLMSG_ERROR: only the header of the request comes back
export const NLM_F_ACK_TLVS = 0x200

export const NLMSGERR_ATTR_MSG = 1
export const NLMSGERR_ATTR_OFFS = 2

export const NLA_F_NESTED = 0x8000
export const NLA_F_NET_BYTEORDER = 0x4000

export const SOL_NETLINK = 270
export const NETLINK_ADD_MEMBERSHIP = 1
export const NETLINK_LISTEN_ALL_NSID = 8
export const NETLINK_CAP_ACK = 10
export const NETLINK_EXT_ACK = 11
export const NETLINK_GET_STRICT_CHK = 12

// asm-generic/socket.h
export const SOL_SOCKET = 1
export const SO_RCVBUF = 8
export const SO_PASSCRED = 16
export const SO_RCVBUFFORCE = 33

// socket.h
export const AF_UNSPEC = 0
export const AF_INET = 2
export const AF_INET6 = 10

// rtnetlink.h, net_namespace.h
export const RTM_NEWLINK = 16
export const RTM_DELLINK = 17
export const RTM_GETLINK = 18
export const RTM_SETLINK = 19
export const RTM_NEWADDR = 20
export const RTM_DELADDR = 21
export const RTM_GETADDR = 22
export const RTM_NEWROUTE = 24
export const RTM_DELROUTE = 25
export const RTM_GETROUTE = 26
export const RTM_NEWNSID = 88
export const RTM_DELNSID = 89
export const RTM_GETNSID = 90
export const RTM_NEWNEXTHOP = 104
export const RTM_DELNEXTHOP = 105
export const RTM_NEWLINKPROP = 108

export const RTNLGRP_LINK = 1
export const RTNLGRP_IPV4_IFADDR = 5
export const RTNLGRP_IPV4_ROUTE = 7
export const RTNLGRP_IPV6_IFADDR = 9
export const RTNLGRP_IPV6_ROUTE = 11
export const RTNLGRP_NSID = 28
export const RTNLGRP_NEXTHOP = 32

export const RT_SCOPE_UNIVERSE = 0
export const RT_SCOPE_LINK = 253
export const RT_SCOPE_HOST = 254
export const RT_TABLE_MAIN = 254
export const RTPROT_BOOT = 3
export const RTPROT_STATIC = 4
export const RTN_UNICAST = 1
export const RTNH_F_ONLINK = 4

export const NETNSA_NSID = 1
export const NETNSA_FD = 3
export const NETNSA_NSID_NOT_ASSIGNED = -1

// if.h
export const IFF_UP = 0x1
export const IFF_RUNNING = 0x40
export const IF_OPER_UNKNOWN = 0
export const IF_OPER_TESTING = 4
export const IF_OPER_DORMANT = 5
export const IF_OPER_UP = 6

// if_link.h
export const IFLA_ADDRESS = 1
export const IFLA_BROADCAST = 2
export const IFLA_IFNAME = 3
export const IFLA_MTU = 4
export const IFLA_QDISC = 6
export const IFLA_MASTER = 10
export const IFLA_TXQLEN = 13
export const IFLA_OPERSTATE = 16
export const IFLA_LINKMODE = 17
export const IFLA_LINKINFO = 18
export const IFLA_NET_NS_PID = 19
export const IFLA_IFALIAS = 20
export const IFLA_STATS64 = 23
export const IFLA_AF_SPEC = 26
export const IFLA_GROUP = 27
export const IFLA_NET_NS_FD = 28
export const IFLA_EXT_MASK = 29
export const IFLA_PROMISCUITY = 30
export const IFLA_NUM_TX_QUEUES = 31
export const IFLA_NUM_RX_QUEUES = 32
export const IFLA_CARRIER = 33
export const IFLA_GSO_MAX_SEGS = 40
export const IFLA_GSO_MAX_SIZE = 41
export const IFLA_XDP = 43
export const IFLA_NEW_NETNSID = 45
export const IFLA_TARGET_NETNSID = 46
export const IFLA_NEW_IFINDEX = 49
export const IFLA_MIN_MTU = 50
export const IFLA_MAX_MTU = 51
export const IFLA_PROP_LIST = 52
export const IFLA_ALT_IFNAME = 53
export const IFLA_GRO_MAX_SIZE = 58
export const IFLA_TSO_MAX_SIZE = 59
export const IFLA_TSO_MAX_SEGS = 60
export const IFLA_ALLMULTI = 61
export const IFLA_GSO_IPV4_MAX_SIZE = 63
export const IFLA_GRO_IPV4_MAX_SIZE = 64
export const IFLA_INET6_ADDR_GEN_MODE = 8
export const IFLA_INFO_DATA = 2
export const IFLA_INFO_SLAVE_KIND = 4
export const IN6_ADDR_GEN_MODE_NONE = 1
export const IFLA_XDP_ATTACHED = 2
export const XDP_ATTACHED_NONE = 0

// if_tun.h
export const IFLA_TUN_NUM_QUEUES = 8
export const IFLA_TUN_NUM_DISABLED_QUEUES = 9

// if_addr.h
export const IFA_ADDRESS = 1
export const IFA_LOCAL = 2
export const IFA_LABEL = 3
export const IFA_BROADCAST = 4
export const IFA_FLAGS = 8
export const IFA_RT_PRIORITY = 9
export const IFA_TARGET_NETNSID = 10
export const IFA_PROTO = 11
export const IFA_F_NODAD = 0x02
export const IFA_F_PERMANENT = 0x80
export const IFA_F_NOPREFIXROUTE = 0x200

// linux/rtnetlink.h: attributes of routes, and of their metrics
export const RTA_DST = 1
export const RTA_OIF = 4
export const RTA_GATEWAY = 5
export const RTA_PRIORITY = 6
export const RTA_PREFSRC = 7
export const RTA_METRICS = 8
export const RTA_CACHEINFO = 12
export const RTA_TABLE = 15
export const RTA_VIA = 18
export const RTA_NH_ID = 30
export const NHA_OIF = 5
export const RTAX_MTU = 2
export const RTAX_ADVMSS = 8

// genetlink.h
export const GENL_ID_CTRL = 0x10
export const CTRL_CMD_NEWFAMILY = 1
export const CTRL_CMD_GETFAMILY = 3
export const CTRL_ATTR_FAMILY_ID = 1
export const CTRL_ATTR_FAMILY_NAME = 2
export const CTRL_ATTR_VERSION = 3
export const CTRL_ATTR_HDRSIZE = 4
export const CTRL_ATTR_MAXATTR = 5
export const CTRL_ATTR_OPS = 6
export const CTRL_ATTR_OP_ID = 1
export const CTRL_ATTR_OP_FLAGS = 2
export const GENL_ADMIN_PERM = 0x01
export const GENL_CMD_CAP_DO = 0x02
export const GENL_CMD_CAP_DUMP = 0x04
export const GENL_CMD_CAP_HASPOL = 0x08

// ethtool_netlink.h
export const ETHTOOL_GENL_NAME = 'ethtool'
export const ETHTOOL_GENL_VERSION = 1
export const ETHTOOL_MSG_FEATURES_GET = 11
export const ETHTOOL_MSG_FEATURES_SET = 12
export const ETHTOOL_A_HEADER_DEV_INDEX = 1
export const ETHTOOL_A_HEADER_FLAGS = 3
export const ETHTOOL_FLAG_OMIT_REPLY = 0x02
export const ETHTOOL_A_FEATURES_HEADER = 1
export const ETHTOOL_A_FEATURES_WANTED = 3
export const ETHTOOL_A_BITSET_BITS = 3
export const ETHTOOL_A_BITSET_BITS_BIT = 1
export const ETHTOOL_A_BITSET_BIT_NAME = 2
export const ETHTOOL_A_BITSET_BIT_VALUE = 3

// linux/bpf_common.h: BPF_LD | BPF_H or BPF_B | BPF_ABS, BPF_JMP | BPF_JEQ, BPF_RET
export const BPF_LD_H_ABS = 0x28
export const BPF_LD_B_ABS = 0x30
export const BPF_JEQ = 0x15
export const BPF_RET = 0x06
