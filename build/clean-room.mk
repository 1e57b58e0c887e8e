# The README in the hands of somebody who has nothing but a fresh Debian. It is made outside of this machine's own system
# and leaves nothing on it but what it said: build/out/clean-room/.

.PHONY: clean-room

clean-room: deps-clean-room ## the README's commands in fresh, minimal Debian trees; RELEASE=bookworm: one alone; as root
	@build/clean-room $(RELEASE)
