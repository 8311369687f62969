package lcore

// plan says who owns a port's queues.
type plan struct {
	rxOwner []int // worker by rx queue
	txOwner []int // worker by tx queue
}

// planPort gives each queue of port number n one owner. With a queue for every worker, worker i owns queue i;
// with fewer, ports begin at different workers, so that one-queue ports spread over them.
func planPort(n, workers, maxRx, maxTx int) plan {
	owners := func(queues int) []int {
		queues = max(1, min(queues, workers))
		out := make([]int, queues)
		for q := range out {
			out[q] = q
			if queues < workers {
				out[q] = (q + n) % workers
			}
		}
		return out
	}
	return plan{owners(maxRx), owners(maxTx)}
}

// txQueue is the queue that a worker owns, -1 if none.
func (p plan) txQueue(worker int) int {
	for q, owner := range p.txOwner {
		if owner == worker {
			return q
		}
	}
	return -1
}

// sender is the worker that transmits for a worker.
func (p plan) sender(worker int) int {
	if p.txQueue(worker) >= 0 {
		return worker
	}
	return p.txOwner[worker%len(p.txOwner)]
}
