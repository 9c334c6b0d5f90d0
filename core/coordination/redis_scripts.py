"""The Lua scripts behind ``redis.py``. Each runs alone in the server, with the server's clock.

Source: redis.io, "Scripting with Lua" (effects replication: a script that writes may call TIME since Redis 5)
and "SET" (NX, PX); read 2026-11-23.
"""

# KEYS: the keys of all groups, one after the other. ARGV: owner, ttl in ms, number of dead owners, those,
# then each group's size. Returns per group: "" if it is granted, else who holds one of its keys.
ACQUIRE = """
local owner, ttl_ms, dead, at = ARGV[1], ARGV[2], {}, 3 + tonumber(ARGV[3])
for i = 4, at do dead[ARGV[i]] = true end
local answers, first = {}, 1
for g = at + 1, #ARGV do
  local last, holder = first + tonumber(ARGV[g]) - 1, ''
  for k = first, last do
    local by = redis.call('GET', KEYS[k])
    if by and by ~= owner and not dead[by] then holder = by break end
  end
  if holder == '' then
    for k = first, last do redis.call('SET', KEYS[k], owner, 'PX', ttl_ms) end
  end
  answers[#answers + 1] = holder
  first = last + 1
end
return answers
"""

# KEYS: leases. ARGV: owner, ttl in ms. Returns 1 or 0 per key: still the owner's, and extended.
RENEW = """
local answers = {}
for k = 1, #KEYS do
  answers[k] = 0
  if redis.call('GET', KEYS[k]) == ARGV[1] then answers[k] = redis.call('PEXPIRE', KEYS[k], ARGV[2]) end
end
return answers
"""

# KEYS: leases. ARGV: owner.
RELEASE = """
for k = 1, #KEYS do
  if redis.call('GET', KEYS[k]) == ARGV[1] then redis.call('DEL', KEYS[k]) end
end
"""

# KEYS: a bucket's slots (a list of starts, epoch ms, ascending) and its pause (ends by itself).
# ARGV: limit, window in ms, count, longest wait in ms, horizon in ms. Returns waits in ms. As windows.py.
RESERVE = """
local limit, window_ms, count = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local latest, horizon = now + tonumber(ARGV[4]), now + tonumber(ARGV[5])
local earliest = now + math.max(0, redis.call('PTTL', KEYS[2]))
local taken, old, wrong = {}, 0, 0
for _, text in ipairs(redis.call('LRANGE', KEYS[1], 0, -1)) do
  local slot = tonumber(text)
  if slot <= now - window_ms then old = old + 1
  elseif slot > horizon then wrong = wrong + 1
  else taken[#taken + 1] = slot end
end
if old + wrong > 0 then redis.call('LTRIM', KEYS[1], old, -1 - wrong) end
local waits = {}
while #waits < count do
  local start = math.max(earliest, taken[#taken] or 0)
  if #taken >= limit then start = math.max(start, taken[#taken - limit + 1] + window_ms) end
  if start > latest then break end
  taken[#taken + 1] = start
  waits[#waits + 1] = start - now
  redis.call('RPUSH', KEYS[1], string.format('%.0f', start))
end
if #waits > 0 then redis.call('PEXPIRE', KEYS[1], waits[#waits] + window_ms) end
return waits
"""

# KEYS: a bucket's pause. ARGV: its length in ms. A shorter pause doesn't end a longer one.
PAUSE = """
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[1]) then redis.call('SET', KEYS[1], '1', 'PX', ARGV[1]) end
"""
