-- Tells of a torrent in the stream of events, which keeps about as many as `eventsMax`; 0: it is not told. What cannot be
-- told is no reason to refuse an announce or to leave a sweep halfway: whoever reads the stream meets what is wrong with it.
local function tellEvent(prefix, eventsMax, event, key)
  if eventsMax == 0 then return end
  redis.pcall('XADD', prefix .. 'events', 'MAXLEN', '~', eventsMax, '*', 'event', event, 'info_hash', string.sub(key, -40))
end
