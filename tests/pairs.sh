# Preference pairs for tests of commands: sourced behind tap.sh. write_pairs FILE writes 24 pairs of distinct prompts.
write_pairs() {
  awk 'BEGIN {
    split("bread rain chess moss tea birds maps snow", thing, " "); split("quiet kind short", how, " ")
    for (i = 0; i < 24; i++)
      printf "{\"id\":\"p%d\",\"prompt\":\"Tell me about %s, number %d.\",\"chosen\":\"A %s answer about %s.\",\"rejected\":\"Go away, I hate %s so much.\"}\n",
        i, thing[i % 8 + 1], i, how[i % 3 + 1], thing[i % 8 + 1], thing[i % 8 + 1]
  }' >"$1"
}
