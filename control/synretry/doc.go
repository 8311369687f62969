// Package synretry is the state machine of a real (SPEC.md section 4): what takes it out of service and what brings it
// back, be it the clients' own SYNs, a probe, or the operator.
//
//	            threshold             retry timer             answered
//	in-service ──────────► failed ◄────────────────► testing ──────────► in-service, by slow start
//	     ▲                    │  silent or refused      │
//	     │ probe's rise       ▼ probe's fall            ▼ probe's fall
//	     └────────────── externally-failed ◄────────────┘
//
// It is pure: time is passed in, and whoever calls acts upon the transitions that are returned.
package synretry
