package dpdk

/*
#include "shim.h"
*/
import "C"

// What RSS hashes over, as DPDK's RTE_ETH_RSS_… bits.
const (
	RSSIPv4      uint64 = 1 << 2
	RSSTCPv4     uint64 = 1 << 4 // NONFRAG_IPV4_TCP
	RSSUDPv4     uint64 = 1 << 5 // NONFRAG_IPV4_UDP
	RSSL4DstOnly uint64 = 1 << 60
	RSSL4SrcOnly uint64 = 1 << 61
	RSSL3DstOnly uint64 = 1 << 62
	RSSL3SrcOnly uint64 = 1 << 63
)

// SoftRSS is rte_softrss, the Toeplitz hash of words (at most 16, host byte order) under key, for tests of our own.
// The key must be 4 bytes longer than the words; 0 if not.
func SoftRSS(words []uint32, key []byte) uint32 {
	if len(words) == 0 || len(words) > 16 || len(key) < 4*(len(words)+1) {
		return 0
	}
	return uint32(C.ld_softrss((*C.uint32_t)(&words[0]), C.uint32_t(len(words)), (*C.uint8_t)(&key[0])))
}
