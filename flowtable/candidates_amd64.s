#include "textflag.h"

// MATCH leaves in CX a bit for each of the eight tags of the bucket at DX that equals the tag in all of X0.
#define MATCH \
	MOVO     X0, X1     \
	MOVO     X0, X2     \
	PCMPEQL  0(DX), X1  \
	PCMPEQL  16(DX), X2 \
	PACKSSLW X2, X1     \
	PACKSSWB X1, X1     \
	PMOVMSKB X1, CX     \
	ANDL     $0xff, CX

// func candidatesSSE2(buckets *bucket, nbuckets uint64, records *Record, hash *uint64, ref *Ref, n int)
//
// It is candidatesGo without a branch that depends on where in a bucket a tag stands. SSE2 is part of amd64.
TEXT ·candidatesSSE2(SB), NOSPLIT, $0-48
	MOVQ buckets+0(FP), DI
	MOVQ nbuckets+8(FP), R8
	MOVQ records+16(FP), R9
	MOVQ hash+24(FP), SI
	MOVQ ref+32(FP), R10
	MOVQ n+40(FP), R11
	LEAQ (SI)(R11*8), R11 // the end of the hashes
	CMPQ SI, R11
	JAE  done

next:
	MOVQ   (SI), AX
	MOVL   AX, BX
	ORL    $1, BX        // tagOf
	MOVQ   BX, X0
	PSHUFL $0, X0, X0
	SHRQ   $32, AX
	IMULQ  R8, AX
	SHRQ   $32, AX       // first
	MOVQ   AX, DX
	SHLQ   $6, DX
	ADDQ   DI, DX
	MATCH
	JZ     second

found:
	BSFL CX, CX
	MOVL 32(DX)(CX*4), CX

store:
	MOVL       CX, (R10)
	ANDL       $-2, CX      // twice the record's number
	SHLQ       $5, CX
	PREFETCHT0 (R9)(CX*1)
	ADDQ       $8, SI
	ADDQ       $4, R10
	CMPQ       SI, R11
	JB         next

done:
	RET

second:
	IMUL3L  $0x9E3779B1, BX, BX
	IMULQ   R8, BX
	SHRQ    $32, BX           // the sum of both candidates
	SUBQ    AX, BX
	LEAQ    (BX)(R8*1), DX
	CMOVQLT DX, BX            // other
	SHLQ    $6, BX
	LEAQ    (DI)(BX*1), DX
	MATCH
	JNZ     found
	JMP     store

// func prefetchBuckets(buckets *bucket, nbuckets uint64, hash *uint64, n int)
//
// n is 1 or more.
TEXT ·prefetchBuckets(SB), NOSPLIT, $0-32
	MOVQ buckets+0(FP), DI
	MOVQ nbuckets+8(FP), R8
	MOVQ hash+16(FP), SI
	MOVQ n+24(FP), R11
	LEAQ (SI)(R11*8), R11 // the end of the hashes

each:
	MOVL       4(SI), AX
	IMULQ      R8, AX
	SHRQ       $32, AX   // first
	SHLQ       $6, AX
	PREFETCHT0 (DI)(AX*1)
	ADDQ       $8, SI
	CMPQ       SI, R11
	JB         each
	RET
