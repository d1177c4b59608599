-- An endpoint of 6 or 18 bytes as people write it: 192.0.2.1:6881, [2001:db8::1]:6881 (RFC 5952).
local function endpointText(endpoint)
  local port = struct.unpack('>I2', endpoint, #endpoint - 1)
  if #endpoint == 6 then return table.concat({ string.byte(endpoint, 1, 4) }, '.') .. ':' .. port end
  local groups = { struct.unpack('>I2I2I2I2I2I2I2I2', endpoint) }
  -- The first of the longest runs of two zeros or more becomes `::`.
  local from, length, i = 1, 1, 1
  while i <= 8 do
    local last = i
    while last <= 8 and groups[last] == 0 do last = last + 1 end
    if last - i > length then from, length = i, last - i end
    i = math.max(last, i + 1)
  end
  local texts = {}
  for group = 1, 8 do texts[group] = string.format('%x', groups[group]) end
  if length == 1 then return '[' .. table.concat(texts, ':') .. ']:' .. port end
  local before, after = table.concat(texts, ':', 1, from - 1), table.concat(texts, ':', from + length, 8)
  return '[' .. before .. '::' .. after .. ']:' .. port
end
