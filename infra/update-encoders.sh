#!/bin/sh
# Gives both encoders the image of the media service that azd has built last.
set -eu

update() {
  echo "The encoder of $2 gets $3"
  az containerapp job update --subscription "$AZURE_SUBSCRIPTION_ID" --resource-group "$2" --name "$1" --image "$3" \
    --output none
}

: "${SERVICE_MEDIA_A_IMAGE_NAME:?is set by azd when it has deployed media-a}"
: "${SERVICE_MEDIA_B_IMAGE_NAME:?is set by azd when it has deployed media-b}"
update "$ENCODER_A" "$RESOURCE_GROUP_A" "$SERVICE_MEDIA_A_IMAGE_NAME"
update "$ENCODER_B" "$RESOURCE_GROUP_B" "$SERVICE_MEDIA_B_IMAGE_NAME"
