-- Spends units of a caller's budget in a sliding window, by the server's clock.
-- KEYS[1]: the caller, a hash of second -> units.
-- ARGV: limit, window in seconds, units needed, further units wanted, units to return, the second they were taken for.
-- Returns: units granted (0 = refused), units that remain, and milliseconds until units are free again or, of a refused
-- call, until it would be admitted; then the second that further units were taken for.
local limit, window, cost = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local time = redis.call('TIME')
local now, ahead = tonumber(time[1]), tonumber(time[1]) + 1
if tonumber(ARGV[5]) > 0 and redis.call('HEXISTS', KEYS[1], ARGV[6]) == 1 then
  redis.call('HINCRBY', KEYS[1], ARGV[6], -tonumber(ARGV[5]))
end
local used, spent, seconds = 0, {}, {}
local all = redis.call('HGETALL', KEYS[1])
for i = 1, #all, 2 do
  local second, units = tonumber(all[i]), tonumber(all[i + 1])
  if second < now - window or second > ahead or units <= 0 then  -- A clock that was ahead must not lock callers out.
    redis.call('HDEL', KEYS[1], all[i])
  else
    used, spent[second] = used + units, units
    seconds[#seconds + 1] = second
  end
end
table.sort(seconds)
local function wait(second)
  return (second + window + 1 - now) * 1000 - math.floor(tonumber(time[2]) / 1000)
end
if used + cost > limit then
  local missing, free = used + cost - limit, now
  for _, second in ipairs(seconds) do
    missing, free = missing - spent[second], second
    if missing <= 0 then break end
  end
  return {0, limit - used, wait(free), 0}
end
-- Each process may hold units for the next second. Near the limit it gets none, so that they are left for the others.
local further = math.min(tonumber(ARGV[4]), math.floor((limit - used - cost) / 16))
redis.call('HINCRBY', KEYS[1], now, cost)
if further > 0 then redis.call('HINCRBY', KEYS[1], ahead, further) end
redis.call('EXPIRE', KEYS[1], window + 2)
return {cost + further, limit - used - cost - further, wait(seconds[1] or now), ahead}
