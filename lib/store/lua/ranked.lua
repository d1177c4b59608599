#!lua flags=no-writes
-- Answers a page of a ranking: what comes after a place in it, in one order or the other.
--
-- keys: none declared: to name a key to a script, a user of Redis must be allowed to write it
-- args: ranks, before, made  ranks:{seeders} (or another count), the ranking before it, and when the two were made, all in one slot
--       id     of the ranking that is read on; empty: the one of now
--       score, infoHash  the place: of the last torrent of the page before; both empty: from the start
--       order  'asc' or 'desc'
--       limit  how many
-- reply: the id of the ranking that was read; how many torrents it has; then info hash and score of each
--
-- The ranking that is asked for is read as long as it is there: it is the one of now or the one before. Where it has gone,
-- the one of now is read on from the same score. Torrents of one score are in the order of their info hashes.
local current, previous, made = ARGV[1], ARGV[2], ARGV[3]
local id, score, infoHash, order, limit = ARGV[4], tonumber(ARGV[5]), ARGV[6], ARGV[7], tonumber(ARGV[8])
local call = redis.call

local ids = call('HMGET', made, 'id', 'before')
local ranks, read = current, ids[1] or ''
if id ~= '' and id == ids[2] then ranks, read = previous, id end

-- How many torrents are before the place in ascending order, and whether there is one at it.
local function before()
  local at = call('ZRANK', ranks, infoHash)
  if at and tonumber(call('ZSCORE', ranks, infoHash)) == score then return at, 1 end
  local low = call('ZCOUNT', ranks, '-inf', '(' .. score)
  local high = low + call('ZCOUNT', ranks, score, score)
  while low < high do
    local middle = math.floor((low + high) / 2)
    if call('ZRANGE', ranks, middle, middle)[1] < infoHash then low = middle + 1 else high = middle end
  end
  return low, 0
end

local total = call('ZCARD', ranks)
local from, to = 0, limit - 1
if order == 'desc' then from, to = total - limit, total - 1 end
if score then
  local less, there = before()
  if order == 'desc' then from, to = less - limit, less - 1 else from, to = less + there, less + there + limit - 1 end
end
local page = to < 0 and {} or call('ZRANGE', ranks, math.max(from, 0), to, 'WITHSCORES')
return { read, total, unpack(page) }
