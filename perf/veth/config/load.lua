-- What wrk does besides: through a wire there is no virtual, and each thread has a real of its own; at the end the figures
-- are printed for a program to read. Nothing here runs per request.
local reals, threads = {}, 0
for address in (os.getenv("REALS") or ""):gmatch("%S+") do
	reals[#reals + 1] = address
end

function setup(thread)
	if #reals > 0 then
		thread.addr = wrk.lookup(reals[threads % #reals + 1], "8080")[1]
		threads = threads + 1
	end
end

function done(summary, latency, requests)
	local e = summary.errors
	print(string.format(
		'JSON {"requests": %d, "duration_us": %d, "p50_us": %d, "p99_us": %d, "p999_us": %d, "failed": %d}',
		summary.requests, summary.duration, latency:percentile(50), latency:percentile(99), latency:percentile(99.9),
		e.connect + e.read + e.write + e.status + e.timeout))
end
