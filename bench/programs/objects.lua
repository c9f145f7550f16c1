-- SPDX-License-Identifier: MIT
-- objects.lua PERCENT: tables, strings and closures, built, changed and dropped; prints sums.
local percent = tonumber (arg[1])
local state = 12345
local function draw (n)
  state = (state * 1103515245 + 12345) % 2147483648
  return state // 65536 % n
end

local function checksum (text)
  local sum = 0
  for at = 1, #text, 7 do
    sum = (sum * 31 + text:byte (at)) % 4294967296
  end
  return #text .. ' ' .. sum
end

local records, by_tag, tags = {}, {}, {}
for n = 1, 1000 * percent do
  local record = { id = n, name = string.format ('name-%x', draw (32768) * n), tags = {} }
  for i = 1, draw (6) do
    record.tags[i] = 't' .. draw (300)
  end
  records[n] = record
end
for _, record in ipairs (records) do
  for _, tag in ipairs (record.tags) do
    if not by_tag[tag] then
      by_tag[tag] = {}
      tags[#tags + 1] = tag
    end
    table.insert (by_tag[tag], record.name)
  end
end
table.sort (tags)
for _, tag in ipairs (tags) do
  table.sort (by_tag[tag])
  by_tag[tag] = table.concat (by_tag[tag], ',')
end
print (#tags, checksum (by_tag[tags[1]] .. by_tag[tags[#tags]]))

local live = {}
for step = 1, 6000 * percent do
  local key = draw (20000)
  if step % 3 == 0 then
    live[key] = nil
  else
    live[key] = ((live[key] or '') .. string.rep (step, 1 + key % 7)):sub (-200)
  end
end
local parts = {}
for key = 0, 19999 do
  parts[#parts + 1] = live[key]
end
print (checksum (table.concat (parts, ' ')))

local sum = 0
for n = 1, 4000 * percent do
  local point = { x = n, y = function (z) return z + n end }
  sum = (sum + point.y (point.x)) % 1000003
end
print (sum)
