// Package lab makes the networks in which commands measure: machines that are network namespaces, wires that are veth
// pairs, programs that end with the run. It needs root. What a killed run left is swept up by the next one.
//
//	lock.go       one run at a time, and what it made
//	namespace.go  machines and wires
//	process.go    programs on them
//	answer.go     whether what they serve is answered
//	hugepages.go  whether a director finds memory
package lab
