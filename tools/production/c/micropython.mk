SRC_USERMOD_C += $(wildcard $(USERMOD_DIR)/*.c)
