-- include: swarm_head other_role chunk_field write_piece add_to_totals merge_chunks tell_event damage
-- Peers that stop. Of announce.lua: it uses what a call is about.

-- Where a peer stands, in whatever role: the list, its field, the piece without it. Nothing where it is not there.
local function standingInSmall(key, list, endpoint, ownPiece, otherPiece)
  local rest = withoutIn(ownPiece, endpoint)
  if rest then return list, FIRST_FIELDS[list], rest end
  rest = withoutIn(otherPiece, endpoint)
  if rest then return otherRole(list), FIRST_FIELDS[otherRole(list)], rest end
  if call('HEXISTS', key, endpoint) == 1 then fault(key, 'holds a peer that is in no piece') end
end

local function standingInChunks(key, head, list, endpoint, field)
  -- Nearly always it is in the role that it says, and the piece tells it.
  local rest = withoutIn(call('HGET', key, field), endpoint)
  if rest then return list, field, rest end
  for _, was in ipairs({ list, otherRole(list) }) do
    field, rest = standing(key, head, was, endpoint)
    if field then return was, field, rest end
  end
end

-- Takes a peer out, in whatever role it is. `own`: the field of the chunk that it is in, if it is in the role that it says;
-- nil in a small swarm. Answers the head, or nil where that was the last one.
local function leave(key, head, list, endpoint, own, fields)
  local width, isInSmall = #endpoint, not own
  local was, field, rest
  if isInSmall then
    was, field, rest = standingInSmall(key, list, endpoint, smallPieces(key, list, fields))
  else
    was, field, rest = standingInChunks(key, head, list, endpoint, own)
  end
  if not was then return head end
  local leechers, seeders, completed = changedCounts(key, head, was % 2 - 1, -(was % 2))
  local isLast = leechers + seeders + completed == 0
  if isLast then call('ZCARD', indexOf(key)) end
  local merges = leavesTooFew(key, head, was, rest, width)
  if merges then checkMerge(key, head, was, width) end

  local totals, role = totalsOf(key), roleName(was)
  addToTotals(totals, role, '-1', isLast and 'torrents', '-1')
  local hash = isInSmall and key or chunkKey(key, field)
  local gone = redis.pcall('HDEL', hash, endpoint)
  if gone ~= 1 then
    addToTotals(totals, role, '1', isLast and 'torrents', '1')
    if gone == 0 then fault(hash, 'does not hold a peer that is in its piece ' .. field) end
    error(gone, 0)
  end
  if isLast then
    call('DEL', key)
    call('ZREM', indexOf(key), sub(key, -40))
    tellEvent(prefix, eventsMax, 'evicted', key)
    return nil
  end
  head = headWithCounts(head, leechers, seeders, completed)
  local count = was % 2 == 1 and seeders or leechers
  if rest ~= '' and not merges then
    call('HSET', key, 'head', head, role, count, field, rest)
    return head
  end
  writePiece(key, field, rest)
  if merges then head = mergeChunks(key, head, was) end
  if leechers + seeders == 0 and not isInSmall then
    head = headWithChunksOfAll(head, NO_CHUNKS)
    call('HDEL', key, 'sweep')
  end
  call('HSET', key, 'head', head, role, count)
  return head
end
