-- Text that lines up in a terminal.

-- Bytes that a terminal could take for a command, or that are no text, become dots.
local function printable(text)
  return (string.gsub(text, '[^\32-\126]', '.'))
end

-- What others have written may be of any length.
local LINE_CHARS_MAX, CELL_CHARS_MAX = 500, 200

-- Lines as statuses: redis-cli shows these as they are, and other texts in quotes.
local function replyOf(lines)
  local reply = {}
  for i, line in ipairs(lines) do
    reply[i] = { ok = (string.gsub(printable(string.sub(line, 1, LINE_CHARS_MAX)), ' +$', '')) }
  end
  return reply
end

local function padded(text, width, isNumber)
  text = string.sub(text, 1, width)
  local room = string.rep(' ', width - #text)
  return isNumber and room .. text or text .. room
end

-- Adds rows to lines, each column as wide as its widest cell. `numbers`: the columns that end alike, true by their number.
local function addTable(lines, rows, numbers)
  local widths = {}
  for _, row in ipairs(rows) do
    for i, cell in ipairs(row) do widths[i] = math.min(CELL_CHARS_MAX, math.max(widths[i] or 0, #cell)) end
  end
  for _, row in ipairs(rows) do
    local cells = {}
    for i, cell in ipairs(row) do cells[i] = padded(cell, widths[i], numbers[i]) end
    lines[#lines + 1] = table.concat(cells, '  ')
  end
end

-- A whole number, given as such or as its digits, with commas.
local function numberText(number)
  local digits = type(number) == 'number' and string.format('%.0f', number) or number
  local first = string.match(digits, '^%-?%d%d?%d?')
  local rest = string.sub(digits, #first + 1)
  while #rest % 3 > 0 do
    first = string.sub(first, 1, -2)
    rest = string.sub(digits, #first + 1)
  end
  return first .. string.gsub(rest, '...', ',%0')
end

local BYTE_UNITS = { 'kB', 'MB', 'GB', 'TB', 'PB' }

local function bytesText(bytes)
  if bytes < 1000 then return string.format('%.0f B', bytes) end
  for _, unit in ipairs(BYTE_UNITS) do
    bytes = bytes / 1000
    if bytes < 999.95 then return string.format('%.1f %s', bytes, unit) end
  end
  return string.format('%.1f EB', bytes / 1000)
end

-- How long seconds are, by one unit.
local function durationText(seconds)
  local count, unit = seconds / 86400, 'd'
  if seconds < 120 then count, unit = seconds, 's'
  elseif seconds < 120 * 60 then count, unit = seconds / 60, 'min'
  elseif seconds < 48 * 3600 then count, unit = seconds / 3600, 'h' end
  return string.format('%.0f %s', math.floor(count), unit)
end

local function agoText(at, now)
  if at > now then return 'in ' .. durationText(at - now) end
  return durationText(now - at) .. ' ago'
end

-- Seconds since the epoch as a date. (Days since the first of March of the year 0: leap days come last in such a year.)
local function timeText(at)
  if not (at >= 0 and at < 1e11) then return 'no time' end
  local seconds = at % 86400
  local days = math.floor(at / 86400) + 719468
  local era = math.floor(days / 146097)
  local day = days - era * 146097
  local year = math.floor((day - math.floor(day / 1460) + math.floor(day / 36524) - math.floor(day / 146096)) / 365)
  day = day - (365 * year + math.floor(year / 4) - math.floor(year / 100))
  local month = math.floor((5 * day + 2) / 153)
  day = day - math.floor((153 * month + 2) / 5) + 1
  month = month < 10 and month + 3 or month - 9
  year = year + era * 400 + (month <= 2 and 1 or 0)
  return string.format('%d-%02d-%02d %02d:%02d:%02d UTC', year, month, day, seconds / 3600, seconds % 3600 / 60, seconds % 60)
end
